import type { Clock } from "../clock.ts";

const failuresToOpen = 5;
const firstRestMs = 5_000;
const longestRestMs = 60_000;

/**
 * Keeps requests from an endpoint that does not answer. Opens after several failures in a row;
 * after a rest, which doubles each time, lets one request at a time through to see.
 */
export class Breaker {
  readonly #clock: Clock;
  #failures = 0;
  /** undefined: closed. */
  #open: { until: number; restMs: number } | undefined;
  #isProbing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isReady(): boolean {
    return !this.#open || (!this.#isProbing && this.#clock.monotonic() >= this.#open.until);
  }

  get state(): "closed" | "resting" | "probing" {
    if (!this.#open) return "closed";
    return this.#isProbing ? "probing" : "resting";
  }

  /** The last request failed. */
  get isCounting(): boolean {
    return this.#failures > 0;
  }

  /** undefined: not now. Dispose of the permit when the request is over, however it went. */
  permit(): Disposable | undefined {
    if (!this.isReady) return undefined;
    if (!this.#open) return { [Symbol.dispose]: () => {} };
    this.#isProbing = true;
    return {
      [Symbol.dispose]: () => {
        this.#isProbing = false;
      },
    };
  }

  noteAnswer(): void {
    this.#failures = 0;
    this.#open = undefined;
  }

  noteFailure(): void {
    this.#failures += 1;
    if (!this.#open) {
      if (this.#failures >= failuresToOpen) this.#rest(firstRestMs);
    } else if (this.#clock.monotonic() >= this.#open.until) {
      this.#rest(Math.min(this.#open.restMs * 2, longestRestMs));
    }
  }

  #rest(restMs: number): void {
    this.#open = { until: this.#clock.monotonic() + restMs, restMs };
  }
}
