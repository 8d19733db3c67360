import type { Clock } from "../../clock.ts";

/** Shorter waits are saved up, as timers are no more exact than that. */
const shortestWaitMs = 20;

/** Keeps work that is counted in bytes to a rate, on average. Time without work is not made up for. */
export class Throttle {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  /** On the monotonic clock: all work so far is paid for by then. */
  #paidAt = 0;

  constructor(options: { clock: Clock; bytesPerSecond: number }) {
    this.#clock = options.clock;
    this.#bytesPerMs = options.bytesPerSecond / 1000;
  }

  /** After so much work: waits for as long as it ought to have taken. Rejects when aborted. */
  async spend(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const now = this.#clock.monotonic();
    this.#paidAt = Math.max(this.#paidAt, now) + bytes / this.#bytesPerMs;
    const waitMs = this.#paidAt - now;
    if (waitMs >= shortestWaitMs) await this.#clock.sleep(waitMs, signal);
  }
}
