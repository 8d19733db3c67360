import type { Digest } from "../../oci/digest.ts";

interface OpenFile {
  readonly digest: Digest;
  readonly size: number;
  readers: number;
  isDeleted: boolean;
}

/** Files of whole blobs that readers have open: a deleted one takes its space until the last lets go. */
export class OpenFiles {
  readonly #files = new Map<Digest, OpenFile>();
  #deletedBytes = 0;

  /** Of deleted files that are still open. */
  get deletedBytes(): number {
    return this.#deletedBytes;
  }

  /** Returns what to call once when the reader is done. */
  open(digest: Digest, size: number): () => void {
    const file = this.#files.get(digest) ?? { digest, size, readers: 0, isDeleted: false };
    this.#files.set(digest, file);
    file.readers += 1;
    return () => this.#close(file);
  }

  /** Another file may take its name from now on. */
  delete(digest: Digest): void {
    const file = this.#files.get(digest);
    if (!file) return;
    file.isDeleted = true;
    this.#files.delete(digest);
    this.#deletedBytes += file.size;
  }

  #close(file: OpenFile): void {
    file.readers -= 1;
    if (file.readers > 0) return;
    if (file.isDeleted) this.#deletedBytes -= file.size;
    else this.#files.delete(file.digest);
  }
}
