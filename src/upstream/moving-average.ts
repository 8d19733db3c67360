import type { Clock } from "../clock.ts";

/** Of the newest value; a handful of them make up nearly all of the average. */
const weight = 0.3;

/** An exponentially weighted moving average, which begins anew when nothing was added for long. */
export class MovingAverage {
  readonly #clock: Clock;
  readonly #freshForMs: number;
  #value: number | undefined;
  #addedAt = 0;

  constructor(clock: Clock, freshForMs: number) {
    this.#clock = clock;
    this.#freshForMs = freshForMs;
  }

  add(value: number): void {
    const { fresh } = this;
    this.#value = fresh === undefined ? value : fresh + weight * (value - fresh);
    this.#addedAt = this.#clock.monotonic();
  }

  /** undefined: there is none yet. */
  get value(): number | undefined {
    return this.#value;
  }

  /** undefined: there is none yet, or it is old. */
  get fresh(): number | undefined {
    return this.#clock.monotonic() - this.#addedAt <= this.#freshForMs ? this.#value : undefined;
  }
}
