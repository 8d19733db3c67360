import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { BlobStore } from "../store/blob/blob-store.ts";
import type { MetadataStore } from "../store/metadata/metadata-store.ts";

interface BlobCensusOptions {
  blobs: BlobStore;
  metadata: MetadataStore;
  clock: Clock;
  log: Logger;
  /** All blobs on disk have been gone through. */
  onDone: () => Promise<void>;
}

/**
 * Records the blobs on disk in a metadata store that has lost, or never had, its records. They
 * count as unchecked: each is hashed before it is served for the first time. Links cannot be known
 * again from the disk; they come back with the manifests.
 */
export class BlobCensus implements AsyncDisposable {
  readonly #options: BlobCensusOptions;
  readonly #stop = new AbortController();
  #running = Promise.resolve();

  constructor(options: BlobCensusOptions) {
    this.#options = options;
  }

  /** In the background, after one that is under way. */
  start(): void {
    this.#running = this.#running.then(() => this.#take());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #take(): Promise<void> {
    const { blobs, metadata, clock, log, onDone } = this.#options;
    let count = 0;
    try {
      for await (const { digest, size } of blobs.list()) {
        if (this.#stop.signal.aborted) return;
        if (await metadata.addFoundBlob(digest, size, clock.now())) count += 1;
      }
      await onDone();
      if (count > 0) log.info({ blobs: count }, "recorded the blobs found on disk");
    } catch (error) {
      log.error({ err: error, blobs: count }, "could not go through the blobs on disk");
    }
  }
}
