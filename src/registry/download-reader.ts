import { StorageError, type BlobReader, type FileTransfer } from "../store/blob/blob-store.ts";
import type { StoredPrefix } from "./pass-through-reader.ts";

/** Follows a download on disk; when the disk fails it, goes on straight from upstream. */
export class DownloadReader implements BlobReader {
  readonly size: number;
  readonly #stored: BlobReader;
  readonly #openDirect: (prefix: StoredPrefix) => BlobReader;
  #direct: BlobReader | undefined;
  #servedUntil = 0;
  #isClosed = false;

  constructor(stored: BlobReader, openDirect: (prefix: StoredPrefix) => BlobReader) {
    this.size = stored.size;
    this.#stored = stored;
    this.#openDirect = openDirect;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (this.#direct) return this.#direct.read(buffer, position);
    try {
      const length = await this.#stored.read(buffer, position);
      if (position === this.#servedUntil) this.#servedUntil += length;
      return length;
    } catch (error) {
      if (!(error instanceof StorageError) || this.#isClosed) throw error;
    }
    const prefix = { reader: this.#stored, servedUntil: this.#servedUntil };
    this.#direct = this.#openDirect(prefix);
    return this.#direct.read(buffer, position);
  }

  async transfer(take: FileTransfer, position: number, count: number): Promise<number> {
    if (this.#direct) return 0;
    const taken = await this.#stored.transfer(take, position, count);
    if (position === this.#servedUntil) this.#servedUntil += taken;
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#direct?.[Symbol.asyncDispose]();
    await this.#stored[Symbol.asyncDispose]();
  }
}
