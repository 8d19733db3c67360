import { StorageError, type BlobReader } from "./blob-store.ts";

/** A file that another party is still filling. */
export interface GrowingFile {
  /** Why no more bytes will come. */
  readonly failure: Error | undefined;
  /** End of the run of bytes that may be read from `position` on; `position` if there is none. */
  readableUntil(position: number): number;
  /** Throws StorageError. */
  readPresent(buffer: Uint8Array, position: number): Promise<number>;
  /** Resolves when more is readable, the failure is set, or a reader has let go. */
  changed(): Promise<void>;
  /** One reader less; wakes all, so that one which still waits sees that it was closed. */
  letGo(): Promise<void>;
}

/** Follows a growing file: what is there is read, what is not is waited for. */
export class PartialBlobReader implements BlobReader {
  readonly size: number;
  readonly #file: GrowingFile;
  readonly #onWait: ((position: number) => void) | undefined;
  #isClosed = false;

  constructor(file: GrowingFile, size: number, onWait: ((position: number) => void) | undefined) {
    this.size = size;
    this.#file = file;
    this.#onWait = onWait;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (position >= this.size) return 0;
    const until = await this.#waitFor(position);
    const wanted = buffer.subarray(0, Math.min(buffer.length, until - position));
    const length = await this.#file.readPresent(wanted, position);
    if (length > 0) return length;
    throw new StorageError("failed", `partial blob ends at ${position}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.letGo();
  }

  async #waitFor(position: number): Promise<number> {
    let until = this.#file.readableUntil(position);
    while (until === position) {
      if (this.#file.failure) throw this.#file.failure;
      this.#onWait?.(position);
      await this.#file.changed();
      if (this.#isClosed) throw new Error("the reader was closed");
      until = this.#file.readableUntil(position);
    }
    return until;
  }
}
