import type { Clock } from "../clock.ts";
import { MovingAverage } from "./moving-average.ts";
import type { EndpointStatus, UpstreamError } from "./upstream.ts";

/** What is older may have changed: an endpoint that was slow then is tried again. */
const freshForMs = 5 * 60_000;

/** Of a smaller body most of the time goes into the beginning. */
const minBodyBytes = 256 * 1024;
const minBodyMs = 1000;

/** Bytes that lie ready when they are asked for tell nothing of the way beyond 1 GB/s or so. */
const fastestBytesPerMs = 1024 ** 2;

/** What was measured and counted of one endpoint. */
export class EndpointHealth {
  readonly #clock: Clock;
  readonly #latency: MovingAverage;
  readonly #throughput: MovingAverage;
  #running = 0;
  #requests = 0;
  #failures = 0;
  #lies = 0;
  #lastError: EndpointStatus["lastError"];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#latency = new MovingAverage(clock, freshForMs);
    this.#throughput = new MovingAverage(clock, freshForMs);
  }

  /** A request begins, which may measure something; dispose of it, once, when all of it is over. */
  begin(): Disposable {
    this.#requests += 1;
    this.#running += 1;
    return {
      [Symbol.dispose]: () => {
        this.#running -= 1;
      },
    };
  }

  get isUnused(): boolean {
    return this.#requests === 0;
  }

  /** A request to it is under way. */
  get isBusy(): boolean {
    return this.#running > 0;
  }

  /** Until the first byte of an answer. */
  noteLatency(ms: number): void {
    this.#latency.add(ms);
  }

  /** `waitedMs`: only the time in which the reader waited for bytes. */
  noteBody(bytes: number, waitedMs: number): void {
    if (bytes < minBodyBytes && waitedMs < minBodyMs) return;
    const ms = Math.max(waitedMs, bytes / fastestBytesPerMs);
    this.#throughput.add((bytes / ms) * 1000);
  }

  /** That one repository is refused says nothing of the endpoint. */
  noteFailure({ failure, message }: UpstreamError): void {
    if (failure === "denied") return;
    this.#failures += 1;
    this.#lastError = { at: this.#clock.now(), failure, message };
  }

  noteLie(): void {
    this.#lies += 1;
  }

  /** Milliseconds; undefined: not measured lately. */
  get freshLatency(): number | undefined {
    return this.#latency.fresh;
  }

  /** Bytes per second; undefined: not measured lately. */
  get freshThroughput(): number | undefined {
    return this.#throughput.fresh;
  }

  describe(): Omit<EndpointStatus, "url" | "trust" | "state"> {
    return {
      latencyMs: this.#latency.value,
      bytesPerSecond: this.#throughput.value,
      requests: this.#requests,
      failures: this.#failures,
      lies: this.#lies,
      lastError: this.#lastError,
    };
  }
}
