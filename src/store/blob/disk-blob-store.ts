import {
  access,
  constants,
  mkdir,
  open,
  opendir,
  rm,
  stat,
  type FileHandle,
} from "node:fs/promises";
import { join, relative } from "node:path";
import type { Digest } from "../../oci/digest.ts";
import type { BlobInfo, BlobReader, BlobStore, PartialBlob } from "./blob-store.ts";
import { DiskBlobReader } from "./disk-blob-reader.ts";
import { isMissing, toStorageError } from "./disk-errors.ts";
import { DiskLayout } from "./disk-layout.ts";
import { DiskPartialBlob } from "./disk-partial-blob.ts";

/** Blobs as files below one directory. What stands under a digest's name was verified before. */
export class DiskBlobStore implements BlobStore {
  readonly #layout: DiskLayout;

  private constructor(layout: DiskLayout) {
    this.#layout = layout;
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
    return file && (await readerOf(file));
  }

  async partial(digest: Digest): Promise<PartialBlob> {
    // Where the disk failed when the server started, the directories may still be missing.
    await this.prepare();
    return DiskPartialBlob.open(this.#layout, digest);
  }

  async delete(digest: Digest): Promise<boolean> {
    const removed = await unlessMissing(rm(this.#layout.blob(digest)).then(() => true));
    return removed ?? false;
  }

  async *list(): AsyncIterable<BlobInfo> {
    const entries = await opendir(this.#layout.blobs, { recursive: true });
    for await (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      const digest = DiskLayout.digestOfPath(relative(this.#layout.blobs, path));
      const found = digest && (await this.stat(digest));
      if (found) yield found;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Files are owned by their readers and partial blobs.
  }
}

async function readerOf(file: FileHandle): Promise<BlobReader> {
  try {
    const { size } = await file.stat();
    return new DiskBlobReader(file, size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function unlessMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw toStorageError(error, "reading a blob");
  }
}
