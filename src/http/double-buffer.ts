import type { BufferPool } from "./buffer-pool.ts";

/**
 * Two buffers in turn: one is filled while the other one is being emptied. A slow client holds
 * these two and no more, a short body only one.
 */
export class DoubleBuffer {
  readonly #pool: BufferPool;
  #next: Half = { buffer: undefined, emptied: Promise.resolve() };
  #other: Half = { buffer: undefined, emptied: Promise.resolve() };

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** The buffer to fill next, once it is empty; hand what empties it to `pass`. */
  async next(): Promise<Buffer> {
    await this.#next.emptied;
    return (this.#next.buffer ??= this.#pool.take());
  }

  /** `emptied` never rejects. */
  pass(emptied: Promise<void>): void {
    this.#next.emptied = emptied;
    [this.#next, this.#other] = [this.#other, this.#next];
  }

  async empty(): Promise<void> {
    await Promise.all([this.#next.emptied, this.#other.emptied]);
  }

  /** Back to the pool; not after a failure, as a read or a write may still be using them. */
  release(): void {
    for (const { buffer } of [this.#next, this.#other]) {
      if (buffer) this.#pool.giveBack(buffer);
    }
  }
}

interface Half {
  buffer: Buffer | undefined;
  emptied: Promise<void>;
}
