import type { Clock } from "../../clock.ts";

/** The store works on the event loop's time; requests wait no longer than about this. */
const goodMs = 5;

const least = 4;
const most = 64;

/** How much to ask of the store at a time, by how long it took lately. */
export class Stride {
  readonly #clock: Clock;
  #count = 16;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Pieces to take in the next step. */
  get count(): number {
    return this.#count;
  }

  /** One step over `pieces`. */
  async time<Result>(pieces: number, step: () => Promise<Result>): Promise<Result> {
    const before = this.#clock.monotonic();
    try {
      return await step();
    } finally {
      this.#adapt(pieces, this.#clock.monotonic() - before);
    }
  }

  #adapt(pieces: number, tookMs: number): void {
    if (tookMs > goodMs) this.#count = Math.max(least, this.#count >> 1);
    else if (tookMs < goodMs / 2 && pieces >= this.#count) {
      this.#count = Math.min(most, this.#count << 1);
    }
  }
}
