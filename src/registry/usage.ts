import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import type { MetadataStore } from "../store/metadata/metadata-store.ts";

const flushEveryMs = 10_000;

/** Last use of manifests and blobs, noted in memory and written down in batches. */
export class Usage implements AsyncDisposable {
  readonly #metadata: MetadataStore;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #flushing: Promise<void>;
  #noted = new Map<Digest, number>();

  constructor(options: { metadata: MetadataStore; clock: Clock }) {
    this.#metadata = options.metadata;
    this.#clock = options.clock;
    this.#flushing = this.#flushRegularly();
  }

  note(digest: Digest): void {
    this.#noted.set(digest, this.#clock.now());
  }

  async flush(): Promise<void> {
    if (this.#noted.size === 0) return;
    const noted = this.#noted;
    this.#noted = new Map();
    await this.#metadata.recordUses(noted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#flushing;
    await this.flush();
  }

  async #flushRegularly(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#clock.sleep(flushEveryMs, signal).catch(() => undefined);
      await this.flush();
    }
  }
}
