import { constants, mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { ByteRange } from "../../oci/byte-range.ts";
import type { Digest } from "../../oci/digest.ts";
import { DigestMismatchError, StorageError } from "./blob-store.ts";
import type { BlobInfo, BlobReader, PartialBlob } from "./blob-store.ts";
import { readBootId } from "./boot-id.ts";
import { toStorageError } from "./disk-errors.ts";
import { SharedFile } from "./disk-file.ts";
import type { DiskLayout } from "./disk-layout.ts";
import type { Extents } from "./extents.ts";
import { PartialBlobReader, type GrowingFile } from "./partial-blob-reader.ts";
import { PartialJournal } from "./partial-journal.ts";
import { PrefixDigest } from "./prefix-digest.ts";
import { WakeUp } from "./wake-up.ts";
import { WriteQueue } from "./write-queue.ts";

const readWriteOrCreate = constants.O_RDWR | constants.O_CREAT;

/** A partial blob in a sparse file, with its extents in a record beside it. */
export class DiskPartialBlob implements PartialBlob, GrowingFile {
  readonly digest: Digest;
  readonly #layout: DiskLayout;
  readonly #file: SharedFile;
  readonly #journal: PartialJournal;
  readonly #queue: WriteQueue;
  readonly #prefix: PrefixDigest;
  readonly #changed = new WakeUp();
  #verified = false;
  #isReleased = false;
  #failure: Error | undefined;
  #isDisposed = false;

  /** Opens what an earlier run left, or begins anew. Throws StorageError. */
  static async open(layout: DiskLayout, digest: Digest): Promise<DiskPartialBlob> {
    try {
      const journal = new PartialJournal(layout.partialRecord(digest), await readBootId());
      await using held = new AsyncDisposableStack();
      const handle = held.use(await open(layout.partial(digest), readWriteOrCreate));
      await journal.load(handle);
      held.move();
      return new DiskPartialBlob(layout, digest, handle, journal);
    } catch (error) {
      throw toStorageError(error, "opening a partial blob");
    }
  }

  private constructor(
    layout: DiskLayout,
    digest: Digest,
    handle: FileHandle,
    journal: PartialJournal,
  ) {
    this.digest = digest;
    this.#layout = layout;
    this.#file = new SharedFile(handle);
    this.#journal = journal;
    this.#queue = new WriteQueue({
      file: handle,
      onWritten: (range) => this.#noteWritten(range),
      onFailed: (error) => this.abandon(error),
    });
    this.#prefix = new PrefixDigest(digest, (buffer, at) => this.readPresent(buffer, at));
    this.#hashPresent();
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

  async write(offset: number, chunk: Uint8Array): Promise<void> {
    this.#prefix.offer(offset, chunk);
    await this.#queue.push(offset, chunk);
  }

  async flush(): Promise<void> {
    await this.#queue.flush();
  }

  read(onWait?: (position: number) => void): BlobReader {
    if (this.size === undefined) throw new Error("a partial blob of unknown size cannot be read");
    this.#file.retain();
    return new PartialBlobReader(this, this.size, onWait);
  }

  /** The last byte counts as absent until the digest is known to be right. */
  readableUntil(position: number): number {
    const present = this.extents.presentUntil(position);
    if (this.#isReleased || this.size === undefined) return present;
    return Math.min(present, Math.max(position, this.size - 1));
  }

  async readPresent(buffer: Uint8Array, position: number): Promise<number> {
    try {
      return (await this.#file.handle.read(buffer, 0, buffer.length, position)).bytesRead;
    } catch (error) {
      throw toStorageError(error, "reading a partial blob back");
    }
  }

  changed(): Promise<void> {
    return this.#changed.next();
  }

  async letGo(): Promise<void> {
    this.#changed.wake();
    await this.#file.release();
  }

  async verify(): Promise<void> {
    await this.flush();
    const size = this.size;
    if (size === undefined || this.extents.firstGap(size) || this.extents.total !== size) {
      throw new Error("only a partial blob with all its bytes and no others can be verified");
    }
    try {
      while (this.#prefix.position < size) await this.#prefix.catchUp(() => size);
    } catch (error) {
      throw toStorageError(error, "reading a partial blob back");
    }
    const found = this.#prefix.finish();
    if (found !== this.digest) throw new DigestMismatchError(this.digest, found);
    this.#verified = true;
  }

  async commit(): Promise<BlobInfo> {
    if (!this.#verified || this.size === undefined) throw new Error("only verified blobs commit");
    const target = this.#layout.blob(this.digest);
    try {
      await mkdir(dirname(target), { recursive: true });
      await rename(this.#layout.partial(this.digest), target);
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
    await this.#journal.close(this.#file.handle);
    await this.letGo();
  }

  #noteWritten(range: ByteRange): void {
    this.#journal.add(range);
    this.#hashPresent();
    this.#changed.wake();
  }

  /** Keeps the digest close behind what is on disk; a failing read comes up again in `verify`. */
  #hashPresent(): void {
    const end = () => this.extents.presentUntil(this.#prefix.position);
    if (this.#prefix.position < end()) this.#prefix.catchUp(end).catch(() => undefined);
  }
}

/** Makes a rename survive a power cut. */
async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}
