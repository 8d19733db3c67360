import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import type { MetadataStore } from "../store/metadata/metadata-store.ts";
import { RegularFlush } from "./regular-flush.ts";

/** Last use of manifests and blobs, noted in memory and written down in batches. */
export class Usage implements AsyncDisposable {
  readonly #metadata: Pick<MetadataStore, "recordUses">;
  readonly #clock: Clock;
  readonly #flushing: RegularFlush;
  #noted = new Map<Digest, number>();
  #recording: { uses: ReadonlyMap<Digest, number>; done: Promise<void> } | undefined;

  constructor(options: { metadata: Pick<MetadataStore, "recordUses">; clock: Clock }) {
    this.#metadata = options.metadata;
    this.#clock = options.clock;
    this.#flushing = new RegularFlush({ clock: options.clock, flush: () => this.flush() });
  }

  note(digest: Digest): void {
    this.#noted.set(digest, this.#clock.now());
  }

  /** It was used, and that is not written down yet. */
  isNoted(digest: Digest): boolean {
    return this.#noted.has(digest) || this.#recording?.uses.has(digest) === true;
  }

  /** Resolves when all that was noted before is written down. */
  async flush(): Promise<void> {
    // Others may have begun the next batch while this one waited.
    while (this.#recording) await this.#recording.done;
    if (this.#noted.size === 0) return;
    const uses = this.#noted;
    this.#noted = new Map();
    const done = this.#metadata.recordUses(uses).finally(() => {
      this.#recording = undefined;
    });
    this.#recording = { uses, done };
    await done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flushing[Symbol.asyncDispose]();
  }
}
