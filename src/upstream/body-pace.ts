import type { Clock } from "../clock.ts";

/**
 * How fast a body comes: its bytes, and the time in which its reader waited for them. A reader that
 * is slow itself does not count.
 */
export class BodyPace {
  readonly #clock: Clock;
  #bytes = 0;
  #waitedMs = 0;
  #waitingSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The wait that is not over yet included. */
  get waitedMs(): number {
    const since = this.#waitingSince;
    return this.#waitedMs + (since === undefined ? 0 : this.#clock.monotonic() - since);
  }

  beginWait(): void {
    this.#waitingSince = this.#clock.monotonic();
  }

  /** So many bytes came, or nothing more does. */
  endWait(bytes = 0): void {
    this.#bytes += bytes;
    this.#waitedMs = this.waitedMs;
    this.#waitingSince = undefined;
  }
}
