import { StorageError, type BlobReader, type FileTransfer } from "./blob-store.ts";
import type { Follower } from "./fresh-bytes.ts";

/** A file that another party is still filling. */
export interface GrowingFile {
  /** Why no more bytes will come. */
  readonly failure: Error | undefined;
  /** End of the run of bytes that may be read from `position` on; `position` if there is none. */
  readableUntil(position: number): number;
  /** What of them is in memory; says how many bytes that are, 0 when there are none. */
  copyFresh(buffer: Uint8Array, position: number): number;
  /** Throws StorageError. */
  readPresent(buffer: Uint8Array, position: number): Promise<number>;
  /** As of a BlobReader, of bytes that may be read. */
  transferPresent(take: FileTransfer, position: number, count: number): Promise<number>;
  /** Resolves when more is readable, the failure is set, or a reader has let go. */
  changed(): Promise<void>;
  /** One reader less; wakes all, so that one which still waits sees that it was closed. */
  letGo(reader: Follower): Promise<void>;
}

/** Follows a growing file: what is there is read, what is not is waited for. */
export class PartialBlobReader implements BlobReader, Follower {
  readonly size: number;
  readonly #file: GrowingFile;
  readonly #onWait: ((position: number) => void) | undefined;
  #position = 0;
  #isClosed = false;

  constructor(file: GrowingFile, size: number, onWait: ((position: number) => void) | undefined) {
    this.size = size;
    this.#file = file;
    this.#onWait = onWait;
  }

  get position(): number {
    return this.#position;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (position >= this.size) return 0;
    this.#position = position;
    const until = await this.#waitFor(position);
    const wanted = buffer.subarray(0, Math.min(buffer.length, until - position));
    const length =
      this.#file.copyFresh(wanted, position) || (await this.#file.readPresent(wanted, position));
    if (length === 0) throw new StorageError("failed", `partial blob ends at ${position}`);
    this.#position = position + length;
    return length;
  }

  async transfer(take: FileTransfer, position: number, count: number): Promise<number> {
    const length = Math.min(count, this.#file.readableUntil(position) - position);
    if (this.#isClosed || length <= 0) return 0;
    const taken = await this.#file.transferPresent(take, position, length);
    this.#position = position + taken;
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.letGo(this);
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
