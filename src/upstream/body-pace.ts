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

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The reader wants bytes from here on, however many come. */
  beginWait(): void {
    this.#waitingSince ??= this.#clock.monotonic();
  }

  /** It wants none for now, or none come any more. */
  endWait(): void {
    this.#waitedMs = this.waitedMs;
    this.#waitingSince = undefined;
  }
}
