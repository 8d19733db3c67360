import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { BlobStore, StorageError } from "../store/blob/blob-store.ts";
import type { BlobSource } from "./blob-source.ts";
import { Download } from "./download.ts";
import { StorageState } from "./storage-state.ts";

interface DownloadsOptions {
  blobs: BlobStore;
  clock: Clock;
  log: Logger;
  /** A blob is whole and in place, and later: proof against a power cut. Record it. */
  onStored: (digest: Digest, size: number, state: { isDurable: boolean }) => Promise<void>;
}

/** All blobs on their way in: at most one download a digest, whoever asks. */
export class Downloads implements AsyncDisposable {
  readonly #options: DownloadsOptions;
  readonly #running = new Map<Digest, Download>();
  readonly #storage: StorageState;
  #isStopped = false;

  constructor(options: DownloadsOptions) {
    this.#options = options;
    this.#storage = new StorageState(options.clock, options.log);
  }

  find(digest: Digest): Download | undefined {
    return this.#running.get(digest);
  }

  /** Why blobs cannot be kept, for the health report. */
  get storageFailure(): StorageError | undefined {
    return this.#storage.failure;
  }

  /**
   * Joins the one under way, or begins. Throws StorageError while the disk fails, and RegistryError
   * while the mirror shuts down.
   */
  async join(source: BlobSource, describedSize: number | undefined): Promise<Download> {
    let running = this.#running.get(source.digest);
    while (running?.isOver) {
      await running.finished;
      running = this.#running.get(source.digest);
    }
    if (running) return running;
    if (this.#storage.failure && this.#storage.isPaused) throw this.#storage.failure;
    if (this.#isStopped) throw shuttingDown();
    return this.#begin(source, describedSize);
  }

  /** Breaks off what runs; it is taken up again by the next process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    const reason = shuttingDown();
    await Promise.all([...this.#running.values()].map((download) => download.stop(reason)));
  }

  #begin(source: BlobSource, describedSize: number | undefined): Download {
    const { digest } = source;
    const { blobs, clock, log, onStored } = this.#options;
    const download = new Download({
      source,
      describedSize,
      blobs,
      clock,
      log,
      onStored: async (size, state) => {
        this.#storage.noteSuccess();
        await onStored(digest, size, state);
      },
      onStorageFailure: (error) => this.#storage.noteFailure(error),
    });
    this.#running.set(digest, download);
    void download.finished.then(() => this.#running.delete(digest));
    return download;
  }
}

function shuttingDown(): RegistryError {
  return new RegistryError("UNAVAILABLE", "this mirror is shutting down");
}
