import { StorageError, type BlobReader, type FileTransfer } from "../store/blob/blob-store.ts";

/** A blob at rest as a request reads it; tells of a disk that does not give back what it has. */
export class StoredBlobReader implements BlobReader {
  readonly size: number;
  readonly #reader: BlobReader;
  readonly #onFailure: (error: StorageError) => Promise<void>;
  #isDisposed = false;

  constructor(reader: BlobReader, onFailure: (error: StorageError) => Promise<void>) {
    this.size = reader.size;
    this.#reader = reader;
    this.#onFailure = onFailure;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    try {
      return await this.#reader.read(buffer, position);
    } catch (error) {
      const isOwnDoing = this.#isDisposed || !(error instanceof StorageError);
      if (!isOwnDoing) await this.#onFailure(error);
      throw error;
    }
  }

  transfer(take: FileTransfer, position: number, count: number): Promise<number> {
    return this.#reader.transfer(take, position, count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#reader[Symbol.asyncDispose]();
  }
}
