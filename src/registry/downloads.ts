import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import type { BlobStore, StorageError } from "../store/blob/blob-store.ts";
import type { BlobSource } from "./blob-source.ts";
import { Download } from "./download.ts";

/** After a failed write the disk is left alone for so long. */
const storagePauseMs = 5000;

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
  #storageFailure: { error: StorageError; until: number } | undefined;
  #isStopped = false;

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  find(digest: Digest): Download | undefined {
    return this.#running.get(digest);
  }

  /** The storage's current trouble, for the health report. */
  get storageFailure(): StorageError | undefined {
    const failure = this.#storageFailure;
    return failure && this.#options.clock.now() < failure.until ? failure.error : undefined;
  }

  /** Joins the one under way, or begins. Throws StorageError while the disk fails. */
  async join(source: BlobSource, describedSize: number | undefined): Promise<Download> {
    let running = this.#running.get(source.digest);
    while (running?.isOver) {
      await running.finished;
      running = this.#running.get(source.digest);
    }
    if (running) return running;
    if (this.storageFailure) throw this.storageFailure;
    if (this.#isStopped) throw new Error("no new downloads while shutting down");
    return this.#begin(source, describedSize);
  }

  /** Breaks off what runs; it is taken up again by the next process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    const reason = new Error("the mirror is shutting down");
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
      onStored: (size, state) => onStored(digest, size, state),
      onStorageFailure: (error) => this.#noteStorageFailure(error),
    });
    this.#running.set(digest, download);
    void download.finished.finally(() => this.#running.delete(digest));
    return download;
  }

  #noteStorageFailure(error: StorageError): void {
    const { clock, log } = this.#options;
    if (!this.storageFailure) {
      log.error({ err: error }, "storage takes no blobs; they are passed through uncached");
    }
    this.#storageFailure = { error, until: clock.now() + storagePauseMs };
  }
}
