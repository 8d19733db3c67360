import { constants, mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { Digest } from "../../oci/digest.ts";
import { DigestMismatchError, StorageError } from "./blob-store.ts";
import type { BlobInfo, BlobReader, FileTransfer, PartialBlob } from "./blob-store.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { DigestThreads } from "./digest-threads.ts";
import { isMissing, toStorageError } from "./disk-errors.ts";
import { SharedFile } from "./disk-file.ts";
import type { DiskLayout } from "./disk-layout.ts";
import type { Extents } from "./extents.ts";
import { FreshBytes, type Follower } from "./fresh-bytes.ts";
import { PartialBlobReader, type GrowingFile } from "./partial-blob-reader.ts";
import { PartialJournal } from "./partial-journal.ts";
import { PrefixDigest } from "./prefix-digest.ts";
import type { Run } from "./run.ts";
import { WakeUp } from "./wake-up.ts";
import { WriteQueue } from "./write-queue.ts";

const readWriteOrCreate = constants.O_RDWR | constants.O_CREAT;

/** What the partial blobs of one store have in common. */
export interface PartialBlobCommons {
  layout: DiskLayout;
  threads: DigestThreads;
  /** Bytes that wait to be written. */
  queued: ByteBudget;
  /** Bytes kept for readers. */
  fresh: ByteBudget;
  bootId: () => Promise<string>;
}

/** A partial blob in a sparse file, with its extents in a record beside it. */
export class DiskPartialBlob implements PartialBlob, GrowingFile {
  readonly digest: Digest;
  readonly #layout: DiskLayout;
  readonly #file: SharedFile;
  readonly #journal: PartialJournal;
  readonly #queue: WriteQueue;
  readonly #prefix: PrefixDigest;
  readonly #fresh: FreshBytes;
  readonly #changed = new WakeUp();
  #verified = false;
  #isReleased = false;
  #failure: Error | undefined;
  #isDisposed = false;

  /** Opens what an earlier run left, or begins anew. Throws StorageError. */
  static async open(commons: PartialBlobCommons, digest: Digest): Promise<DiskPartialBlob> {
    const { layout, bootId } = commons;
    try {
      await using held = new AsyncDisposableStack();
      const handle = held.use(await open(layout.partial(digest), readWriteOrCreate));
      const journal = new PartialJournal(layout.partialRecord(digest), await bootId());
      await journal.load(handle);
      held.move();
      return new DiskPartialBlob(commons, digest, handle, journal);
    } catch (error) {
      throw toStorageError(error, "opening a partial blob");
    }
  }

  private constructor(
    commons: PartialBlobCommons,
    digest: Digest,
    handle: FileHandle,
    journal: PartialJournal,
  ) {
    this.digest = digest;
    this.#layout = commons.layout;
    this.#file = new SharedFile(handle);
    this.#journal = journal;
    this.#queue = new WriteQueue({
      file: handle,
      budget: commons.queued,
      onWritten: (run) => this.#noteWritten(run),
      onFailed: (error) => this.abandon(error),
    });
    this.#fresh = new FreshBytes(commons.fresh);
    this.#prefix = new PrefixDigest(handle, digest, commons.threads);
    this.#prefix.grow(this.extents.presentUntil(0));
  }

  get extents(): Extents {
    return this.#journal.extents;
  }

  get size(): number | undefined {
    return this.#journal.size;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  setSize(size: number): void {
    if (this.size !== undefined && this.size !== size) {
      throw new StorageError("failed", `blob has ${size} bytes, its partial blob ${this.size}`);
    }
    this.#journal.size = size;
  }

  write(offset: number, chunk: Uint8Array): Promise<void> | undefined {
    return this.#queue.push(offset, chunk);
  }

  async flush(): Promise<void> {
    await this.#queue.flush();
  }

  read(onWait?: (position: number) => void): BlobReader {
    if (this.size === undefined) throw new Error("a partial blob of unknown size cannot be read");
    this.#file.retain();
    const reader = new PartialBlobReader(this, this.size, onWait);
    this.#fresh.join(reader);
    return reader;
  }

  /** The last byte counts as absent until the digest is known to be right. */
  readableUntil(position: number): number {
    const present = this.extents.presentUntil(position);
    if (this.#isReleased || this.size === undefined) return present;
    return Math.min(present, Math.max(position, this.size - 1));
  }

  copyFresh(buffer: Uint8Array, position: number): number {
    return this.#fresh.copyTo(buffer, position);
  }

  async readPresent(buffer: Uint8Array, position: number): Promise<number> {
    try {
      return (await this.#file.handle.read(buffer, 0, buffer.length, position)).bytesRead;
    } catch (error) {
      throw toStorageError(error, "reading a partial blob back");
    }
  }

  async transferPresent(take: FileTransfer, position: number, count: number): Promise<number> {
    this.#file.retain();
    try {
      return await take(this.#file.handle.fd, position, count);
    } finally {
      await this.#file.release();
    }
  }

  changed(): Promise<void> {
    return this.#changed.next();
  }

  async letGo(reader: Follower): Promise<void> {
    this.#fresh.leave(reader);
    this.#changed.wake();
    await this.#file.release();
  }

  async verify(): Promise<void> {
    await this.flush();
    const size = this.size;
    if (size === undefined || this.extents.firstGap(size) || this.extents.total !== size) {
      throw new Error("only a partial blob with all its bytes and no others can be verified");
    }
    const found = await this.#hashAll(size);
    if (found !== this.digest) throw new DigestMismatchError(this.digest, found);
    this.#verified = true;
  }

  async commit(): Promise<BlobInfo> {
    if (!this.#verified || this.size === undefined) throw new Error("only verified blobs commit");
    const target = this.#layout.blob(this.digest);
    try {
      await moveTo(target, this.#layout.partial(this.digest));
      await this.#journal.stop();
      await this.#journal.remove();
    } catch (error) {
      throw toStorageError(error, "moving a blob into place");
    }
    return { digest: this.digest, size: this.size };
  }

  release(): void {
    if (!this.#verified) throw new Error("only verified blobs are given out whole");
    this.#isReleased = true;
    this.#changed.wake();
  }

  async persist(): Promise<void> {
    try {
      await this.#file.handle.datasync();
      await syncDirectory(this.#layout.blobDirectory(this.digest));
    } catch (error) {
      throw toStorageError(error, "syncing a blob");
    }
  }

  async discard(reason: Error): Promise<void> {
    this.abandon(reason);
    try {
      await this.#journal.stop();
      await this.#journal.remove();
      await rm(this.#layout.partial(this.digest), { force: true });
    } catch (error) {
      throw toStorageError(error, "removing a partial blob");
    }
  }

  abandon(reason: Error): void {
    this.#failure ??= reason;
    this.#changed.wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await this.#queue.flush().catch(() => undefined);
    this.#fresh.drop();
    await this.#prefix.stop();
    await this.#journal.close(this.#file.handle);
    await this.#file.release();
  }

  async #hashAll(size: number): Promise<Digest> {
    try {
      return await this.#prefix.finish(size);
    } catch (error) {
      throw toStorageError(error, "reading a partial blob back");
    }
  }

  #noteWritten(run: Run): void {
    this.#journal.add(run);
    this.#fresh.keep(run);
    this.#prefix.grow(this.extents.presentUntil(0));
    this.#changed.wake();
  }
}

/** The directory is mostly there. */
async function moveTo(target: string, source: string): Promise<void> {
  try {
    await rename(source, target);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await mkdir(dirname(target), { recursive: true });
    await rename(source, target);
  }
}

/** Makes a rename survive a power cut. */
async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}
