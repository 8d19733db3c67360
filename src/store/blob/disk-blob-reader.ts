import type { FileHandle } from "node:fs/promises";
import type { BlobReader } from "./blob-store.ts";

/** A whole blob, read from its file. */
export class DiskBlobReader implements BlobReader {
  readonly size: number;
  readonly #file: FileHandle;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = Math.min(buffer.length, this.size - position);
    if (length <= 0) return 0;
    const { bytesRead } = await this.#file.read(buffer, 0, length, position);
    if (bytesRead === 0) throw new Error(`blob file ends at ${position} instead of ${this.size}`);
    return bytesRead;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
