import type { Digest } from "../../oci/digest.ts";
import type { Extents } from "./extents.ts";

export interface BlobInfo {
  digest: Digest;
  /** Bytes. */
  size: number;
}

/** Positioned reads of one blob. Stays readable while the blob is deleted or replaced. */
export interface BlobReader extends AsyncDisposable {
  /** Of the whole blob, in bytes. */
  readonly size: number;
  /**
   * Fills the front of `buffer` with 1 to `buffer.length` bytes from `position` on and says how
   * many; 0 only at the end. On a blob still on its way in it waits for them. Rejects when they
   * will not come, and when the reader is disposed of meanwhile.
   */
  read(buffer: Uint8Array, position: number): Promise<number>;
}

/** Bytes by digest. Knows nothing of repositories, tags, or who may read what. */
export interface BlobStore extends AsyncDisposable {
  stat(digest: Digest): Promise<BlobInfo | undefined>;
  open(digest: Digest): Promise<BlobReader | undefined>;
  /**
   * A new partial blob, or what an earlier run left of it. At most one per digest at a time.
   * Throws StorageError.
   */
  partial(digest: Digest): Promise<PartialBlob>;
  /** false: it was not there. Readers that have it open read on. */
  delete(digest: Digest): Promise<boolean>;
  list(): AsyncIterable<BlobInfo>;
}

/** A blob on its way in. Survives the process. */
export interface PartialBlob extends AsyncDisposable {
  /** What is written and can be read, apart from the last byte before `verify`. */
  readonly extents: Extents;
  /** Undefined until upstream or an earlier run told it. */
  readonly size: number | undefined;
  /** Throws StorageError when an earlier size differs. */
  setSize(size: number): void;
  /**
   * Takes over `chunk`; resolves when there is room for more, not when it is on disk.
   * Throws StorageError, then and ever after, once a write failed.
   */
  write(offset: number, chunk: Uint8Array): Promise<void>;
  /** Resolves when all that was taken over is in the file. Throws StorageError. */
  flush(): Promise<void>;
  /** `size` must be known. Never gives out the last byte before `verify` was happy. */
  read(): BlobReader;
  /**
   * With all bytes present: hashes what has not been hashed yet, and lets the last byte go.
   * Throws DigestMismatchError, after which only `discard` is left.
   */
  verify(): Promise<void>;
  /** After `verify`: makes it durable and moves it into place. Throws StorageError. */
  commit(): Promise<BlobInfo>;
  /** Removes it from disk. Its readers' reads fail with `reason`. */
  discard(reason: Error): Promise<void>;
  /** Wakes waiting readers with `reason`; bytes and extents stay for a later `partial`. */
  abandon(reason: Error): void;
}

/** full: no space or quota; read-only; failed: anything else the file system says. */
export type StorageFailure = "full" | "read-only" | "failed";

export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly failure: StorageFailure;

  constructor(failure: StorageFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

export class DigestMismatchError extends Error {
  override readonly name = "DigestMismatchError";
  readonly expected: Digest;
  readonly found: Digest;

  constructor(expected: Digest, found: Digest) {
    super(`content has digest ${found} instead of ${expected}`);
    this.expected = expected;
    this.found = found;
  }
}
