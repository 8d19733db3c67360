import type { FileHandle } from "node:fs/promises";
import { StorageError, type BlobReader, type FileTransfer } from "./blob-store.ts";
import { toStorageError } from "./disk-errors.ts";

/** A whole blob, read from its file. */
export class DiskBlobReader implements BlobReader {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #onClosed: () => void;
  readonly #transfers = new Set<Promise<number>>();
  #isClosed = false;

  /** `onClosed` is called once. */
  constructor(options: { file: FileHandle; size: number; onClosed: () => void }) {
    this.#file = options.file;
    this.size = options.size;
    this.#onClosed = options.onClosed;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = Math.min(buffer.length, this.size - position);
    if (length <= 0) return 0;
    const bytesRead = await this.#readFile(buffer, length, position);
    if (bytesRead > 0) return bytesRead;
    throw new StorageError("failed", `blob file ends at ${position} instead of ${this.size}`);
  }

  async transfer(take: FileTransfer, position: number, count: number): Promise<number> {
    const length = Math.min(count, this.size - position);
    if (this.#isClosed || length <= 0) return 0;
    const taken = take(this.#file.fd, position, length);
    this.#transfers.add(taken);
    try {
      return await taken;
    } finally {
      this.#transfers.delete(taken);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Its number may be another file's as soon as it is closed.
    await Promise.allSettled(this.#transfers);
    try {
      await this.#file.close();
    } finally {
      this.#onClosed();
    }
  }

  async #readFile(buffer: Uint8Array, length: number, position: number): Promise<number> {
    try {
      return (await this.#file.read(buffer, 0, length, position)).bytesRead;
    } catch (error) {
      throw toStorageError(error, "reading a blob");
    }
  }
}
