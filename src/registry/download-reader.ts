import { StorageError, type BlobReader } from "../store/blob/blob-store.ts";

/** Follows a download on disk; when the disk fails it, goes on straight from upstream. */
export class DownloadReader implements BlobReader {
  readonly size: number;
  readonly #stored: BlobReader;
  readonly #openDirect: (stored: BlobReader) => BlobReader;
  #direct: BlobReader | undefined;

  constructor(stored: BlobReader, openDirect: (stored: BlobReader) => BlobReader) {
    this.size = stored.size;
    this.#stored = stored;
    this.#openDirect = openDirect;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (this.#direct) return this.#direct.read(buffer, position);
    try {
      return await this.#stored.read(buffer, position);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
    this.#direct = this.#openDirect(this.#stored);
    return this.#direct.read(buffer, position);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#direct?.[Symbol.asyncDispose]();
    await this.#stored[Symbol.asyncDispose]();
  }
}
