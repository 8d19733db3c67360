import type { Digest } from "../../oci/digest.ts";
import type { Extents } from "./extents.ts";

export interface BlobInfo {
  digest: Digest;
  /** Bytes. */
  size: number;
}

/**
 * Takes bytes straight from an open file, of `count` from `position` on as many as it likes, and
 * says how many. The file stays open until then.
 */
export type FileTransfer = (descriptor: number, position: number, count: number) => Promise<number>;

/** Positioned reads of one blob. Stays readable while the blob is deleted or replaced. */
export interface BlobReader extends AsyncDisposable {
  /** Of the whole blob, in bytes. */
  readonly size: number;
  /**
   * Fills the front of `buffer` with 1 to `buffer.length` bytes from `position` on and says how
   * many; 0 only at the end. On a blob still on its way in it waits for them. Rejects when they
   * will not come, and when the reader is disposed of meanwhile; with StorageError where it is the
   * storage that fails.
   */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /**
   * Lets `take` have some of those `count` bytes from `position` on that are in a file already, and
   * says how many it took; 0: none that way, `read` them. Waits for no bytes.
   */
  transfer(take: FileTransfer, position: number, count: number): Promise<number>;
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
  /** false: it was not there. Readers that have it open read on. Throws StorageError. */
  delete(digest: Digest): Promise<boolean>;
  /**
   * Whole blobs, in digest order; those that come or go meanwhile may be among them or not. Throws
   * StorageError.
   */
  list(): AsyncIterable<Digest>;
  /**
   * Moves a damaged blob aside, in the place of an earlier one of that digest; false: it was not
   * there. Throws StorageError.
   */
  quarantine(digest: Digest): Promise<boolean>;
  /**
   * Quarantined blobs and partial ones. That includes the partial blobs of downloads under way,
   * which look unsound until their first record is written: callers know what runs. Throws
   * StorageError.
   */
  listLeftovers(): AsyncIterable<Leftover>;
  /**
   * Removes it with all that belongs to it; never the partial blob of a download under way, which
   * only the caller can know of. Throws StorageError.
   */
  deleteLeftover(leftover: Pick<Leftover, "kind" | "digest">): Promise<void>;
  /** Of the file system, or whatever else bounds the store. Throws StorageError. */
  measureSpace(): Promise<Space>;
}

/** A partial blob, or one moved aside. */
export interface Leftover {
  kind: "partial" | "quarantined";
  digest: Digest;
  /** What it takes on the disk; a partial blob may have holes. */
  bytes: number;
  /** Milliseconds since 1970: its last write, or when it was moved aside. */
  changedAt: number;
  /** false: a partial blob that its record does not bear out, of no use to a later download. */
  isSound: boolean;
}

/** In bytes. */
export interface Space {
  total: number;
  /** What this process may still write, once readers have let go of what was deleted under them. */
  free: number;
}

/** A blob on its way in. Survives the process. */
export interface PartialBlob extends AsyncDisposable {
  /** What is written and can be read, apart from the last byte before `release`. */
  readonly extents: Extents;
  /** Undefined until upstream or an earlier run told it. */
  readonly size: number | undefined;
  /** Throws StorageError when an earlier size differs. */
  setSize(size: number): void;
  /**
   * Takes over `chunk`, whose memory may be gone soon. undefined: there is room for more at once; otherwise resolves when there
   * is, not when it is on disk. Rejects with StorageError, then and ever after, once a write failed.
   */
  write(offset: number, chunk: Uint8Array): Promise<void> | undefined;
  /** Resolves when all that was taken over is in the file. Throws StorageError. */
  flush(): Promise<void>;
  /**
   * `size` must be known. Never gives out the last byte before `release`. `onWait` hears
   * of a read that has to wait, and where, so that those bytes can be fetched first.
   */
  read(onWait?: (position: number) => void): BlobReader;
  /** With all bytes present: throws DigestMismatchError unless they are the blob; StorageError. */
  verify(): Promise<void>;
  /**
   * After `verify`: moves it into place, where it survives the process but perhaps not a power
   * cut. Throws StorageError.
   */
  commit(): Promise<BlobInfo>;
  /** After `verify`: lets readers have the last byte. */
  release(): void;
  /** After `commit`: makes it survive a power cut as well. Throws StorageError. */
  persist(): Promise<void>;
  /** Removes it from disk. Its readers' reads fail with `reason`. Throws StorageError. */
  discard(reason: Error): Promise<void>;
  /** Wakes waiting readers with `reason`; bytes and extents stay for a later `partial`. */
  abandon(reason: Error): void;
}

/**
 * full: no space or quota · read-only: the file system takes no writes · refused: permissions, or
 * something else under that name, which an operator must mend · failed: anything else.
 */
export type StorageFailure = "full" | "read-only" | "refused" | "failed";

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
