import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { BlobStore, StorageError } from "../store/blob/blob-store.ts";
import type { BlobSource } from "./blob-source.ts";
import type { Departures } from "./departures.ts";
import { Download } from "./download.ts";
import type { DownloadEntry } from "./operations/operations.ts";
import { StorageState } from "./storage-state.ts";
import type { DownloadRoom } from "./upkeep/room.ts";

interface DownloadsOptions {
  blobs: BlobStore;
  clock: Clock;
  log: Logger;
  /** A blob is whole and in place: record it. */
  onStored: (digest: Digest, size: number) => Promise<void>;
  /** It is proof against a power cut. */
  onDurable: (digest: Digest) => Promise<void>;
  room: DownloadRoom;
  /** Blobs on their way out: none begins to come in again before it has gone. */
  departures: Departures;
}

/** All blobs on their way in: at most one download a digest, whoever asks. */
export class Downloads implements AsyncDisposable {
  readonly #options: DownloadsOptions;
  readonly #running = new Map<Digest, Download>();
  readonly #storage: StorageState;
  readonly #room: DownloadRoom;
  readonly #departures: Departures;
  #relieving: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: DownloadsOptions) {
    this.#options = options;
    this.#storage = new StorageState(options.clock, options.log);
    this.#room = options.room;
    this.#departures = options.departures;
  }

  find(digest: Digest): Download | undefined {
    return this.#running.get(digest);
  }

  /** The stored blob is being removed: as good as gone. */
  isLeaving(digest: Digest): boolean {
    return this.#departures.has(digest);
  }

  /** Those under way, longest first. */
  list(): DownloadEntry[] {
    return [...this.#running.values()].map((download) => ({
      digest: download.source.digest,
      repository: download.source.repository,
      size: download.size,
      received: download.received,
      startedAt: download.startedAt,
    }));
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
    const { digest } = source;
    for (;;) {
      const running = this.#running.get(digest);
      if (running && !running.isOver) return running;
      if (running) await running.finished;
      else if (this.#departures.has(digest)) await this.#departures.settled(digest);
      // From here to the beginning there must be no gap in which another one could begin.
      else break;
    }
    if (this.#storage.failure && this.#storage.isPaused) throw this.#storage.failure;
    if (this.#isStopped) throw shuttingDown();
    return this.#begin(source, describedSize);
  }

  /** Breaks off what runs; it is taken up again by the next process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    const reason = shuttingDown();
    await Promise.all([...this.#running.values()].map((download) => download.stop(reason)));
    await this.#relieving;
  }

  #begin(source: BlobSource, describedSize: number | undefined): Download {
    const { digest } = source;
    const { blobs, clock, log, onStored, onDurable } = this.#options;
    const download = new Download({
      source,
      describedSize,
      blobs,
      clock,
      log,
      onDurable: () => onDurable(digest),
      onStored: async (size) => {
        this.#storage.noteSuccess();
        await onStored(digest, size);
      },
      onStorageFailure: (error) => this.#noteFailure(error, download),
      room: this.#room,
    });
    this.#running.set(digest, download);
    void download.finished.then(() => this.#running.delete(digest));
    return download;
  }

  #noteFailure(error: StorageError, { toldSize = 1, received }: Download): void {
    this.#storage.noteFailure(error);
    if (error.failure !== "full" || this.#isStopped) return;
    const bytes = Math.max(1, toldSize, received);
    this.#relieving = this.#relieve(bytes, this.#relieving);
  }

  /** One after the other, so that each evicts only what the one before has not. */
  async #relieve(bytes: number, earlier: Promise<void>): Promise<void> {
    await earlier;
    try {
      if (await this.#room.relieve(bytes)) this.#storage.noteMended();
    } catch (error) {
      this.#options.log.error({ err: error }, "no room could be made on the full disk");
    }
  }
}

function shuttingDown(): RegistryError {
  return new RegistryError("UNAVAILABLE", "this mirror is shutting down");
}
