import {
  access,
  constants,
  mkdir,
  open,
  rename,
  rm,
  stat,
  statfs,
  type FileHandle,
} from "node:fs/promises";
import type { Digest } from "../../oci/digest.ts";
import {
  StorageError,
  type BlobInfo,
  type BlobReader,
  type BlobStore,
  type Leftover,
  type PartialBlob,
  type Space,
} from "./blob-store.ts";
import { readBootId } from "./boot-id.ts";
import { ByteBudget } from "./byte-budget.ts";
import { DigestThreads } from "./digest-threads.ts";
import { DiskBlobReader } from "./disk-blob-reader.ts";
import { isMissing, toStorageError } from "./disk-errors.ts";
import { DiskLayout } from "./disk-layout.ts";
import { listPartials, listQuarantined, removeLeftover } from "./disk-leftovers.ts";
import { listBlobs } from "./disk-listing.ts";
import { DiskPartialBlob, type PartialBlobCommons } from "./disk-partial-blob.ts";
import { OpenFiles } from "./open-files.ts";

/** For all downloads together; one alone takes far less. */
const maxQueuedBytes = 16 * 1024 * 1024;
const maxFreshBytes = 16 * 1024 * 1024;

/** Blobs as files below one directory. What stands under a digest's name was verified before. */
export class DiskBlobStore implements BlobStore {
  readonly #layout: DiskLayout;
  readonly #openFiles = new OpenFiles();
  readonly #threads = new DigestThreads();
  readonly #commons: PartialBlobCommons;
  #bootId: Promise<string> | undefined;

  private constructor(layout: DiskLayout) {
    this.#layout = layout;
    this.#commons = {
      layout,
      threads: this.#threads,
      queued: new ByteBudget(maxQueuedBytes),
      fresh: new ByteBudget(maxFreshBytes),
      bootId: () => this.#readBootId(),
    };
  }

  /** Touches nothing yet; `prepare` says whether it will be able to. */
  static at(root: string): DiskBlobStore {
    return new DiskBlobStore(new DiskLayout(root));
  }

  /** Makes the directories where they are missing. Throws StorageError. */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.#layout.blobs, { recursive: true });
      await mkdir(this.#layout.partials, { recursive: true });
      await access(this.#layout.partials, constants.W_OK);
    } catch (error) {
      throw toStorageError(error, `preparing ${this.#layout.partials}`);
    }
  }

  async stat(digest: Digest): Promise<BlobInfo | undefined> {
    const found = await unlessMissing(stat(this.#layout.blob(digest)));
    return found && { digest, size: found.size };
  }

  async open(digest: Digest): Promise<BlobReader | undefined> {
    const file = await unlessMissing(open(this.#layout.blob(digest), "r"));
    return file && (await this.#readerOf(digest, file));
  }

  async partial(digest: Digest): Promise<PartialBlob> {
    try {
      return await DiskPartialBlob.open(this.#commons, digest);
    } catch (error) {
      if (!(error instanceof StorageError) || !isMissing(error.cause)) throw error;
    }
    // Where the disk failed when the server started, the directories may still be missing.
    await this.prepare();
    return DiskPartialBlob.open(this.#commons, digest);
  }

  async delete(digest: Digest): Promise<boolean> {
    const removed = await unlessMissing(
      rm(this.#layout.blob(digest)).then(() => true),
      "deleting a blob",
    );
    if (removed) this.#openFiles.delete(digest);
    return removed ?? false;
  }

  list(): AsyncIterable<Digest> {
    return listBlobs(this.#layout);
  }

  async quarantine(digest: Digest): Promise<boolean> {
    try {
      await mkdir(this.#layout.quarantine, { recursive: true });
      await rename(this.#layout.blob(digest), this.#layout.quarantined(digest));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw toStorageError(error, "moving a damaged blob aside");
    }
  }

  async *listLeftovers(): AsyncIterable<Leftover> {
    yield* listQuarantined(this.#layout);
    yield* listPartials(this.#layout, await this.#readBootId());
  }

  async deleteLeftover(leftover: Pick<Leftover, "kind" | "digest">): Promise<void> {
    await removeLeftover(this.#layout, leftover);
  }

  async measureSpace(): Promise<Space> {
    try {
      const { blocks, bavail, bsize, frsize } = await statfs(this.#layout.blobs);
      // Where the two differ (FUSE), blocks are of the second size; early releases of Node 24 lack it.
      const blockBytes = frsize || bsize;
      const free = bavail * blockBytes + this.#openFiles.deletedBytes;
      return { total: blocks * blockBytes, free };
    } catch (error) {
      throw toStorageError(error, `measuring the file system of ${this.#layout.blobs}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Files are owned by their readers and partial blobs.
    await this.#threads[Symbol.asyncDispose]();
  }

  /** It stays what it is as long as the process runs. */
  #readBootId(): Promise<string> {
    return (this.#bootId ??= readBootId());
  }

  async #readerOf(digest: Digest, file: FileHandle): Promise<BlobReader> {
    try {
      const { size } = await file.stat();
      return new DiskBlobReader({ file, size, onClosed: this.#openFiles.open(digest, size) });
    } catch (error) {
      await file.close();
      throw error;
    }
  }
}

async function unlessMissing<T>(
  promise: Promise<T>,
  doing = "reading a blob",
): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw toStorageError(error, doing);
  }
}
