/** Buffers kept for the next taker; more are made when more are needed at once. */
const maxKept = 32;

export class BufferPool {
  readonly #bufferBytes: number;
  readonly #kept: Buffer[] = [];

  constructor(bufferBytes: number) {
    this.#bufferBytes = bufferBytes;
  }

  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(this.#bufferBytes);
  }

  /** Only for a buffer that no read and no write can still touch; any other is left to the collector. */
  giveBack(buffer: Buffer): void {
    if (this.#kept.length < maxKept) this.#kept.push(buffer);
  }
}
