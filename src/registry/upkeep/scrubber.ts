import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { Digest } from "../../oci/digest.ts";
import { StorageError } from "../../store/blob/blob-store.ts";
import type { StoredBlob, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import type { BlobExaminer } from "./blob-examiner.ts";
import { Throttle } from "./throttle.ts";

interface ScrubberOptions {
  examiner: BlobExaminer;
  upkeep: Pick<UpkeepStore, "listLeastChecked">;
  /** A blob that is in place, but not proof against a power cut yet, is the download's to check. */
  isDownloading: (digest: Digest) => boolean;
  clock: Clock;
  log: Logger;
  bytesPerSecond: number;
  /** Each blob is hashed again once in so long; Infinity: never. */
  everyMs: number;
}

const pageLength = 32;

/** What a blob counts at least: finding a small file costs a disk about as much as reading so much. */
const fewestBytes = 64 * 1024;

const shortestPauseMs = 1000;
const longestPauseMs = 3_600_000;

/** More of them are a trouble of the whole disk. */
const mostPassedOver = 1000;

/** Hashes blobs at rest again from time to time, one after the other and slowly, to find the rotten ones. */
export class Scrubber implements AsyncDisposable {
  readonly #options: ScrubberOptions;
  readonly #throttle: Throttle;
  readonly #stop = new AbortController();
  #running = Promise.resolve();

  constructor(options: ScrubberOptions) {
    this.#options = options;
    this.#throttle = new Throttle(options);
  }

  /** In the background, until it is disposed of. */
  start(): void {
    if (this.#options.everyMs < Infinity) this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const pauseMs = await this.#scrubDue().catch((error: unknown) => this.#noteFailure(error));
      await this.#options.clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** All that are due; says how long until the next is. */
  async #scrubDue(): Promise<number> {
    const { upkeep, clock, everyMs } = this.#options;
    const passedOver = new Set<Digest>();
    while (passedOver.size < mostPassedOver) {
      const checkedBefore = clock.now() - everyMs;
      const limit = pageLength + passedOver.size;
      const page = await upkeep.listLeastChecked({ checkedBefore, limit });
      const due = page.filter(({ digest }) => !passedOver.has(digest));
      if (due.length === 0) return this.#pauseUntilNext();
      for (const blob of due) if (!(await this.#scrub(blob))) passedOver.add(blob.digest);
    }
    return longestPauseMs;
  }

  async #pauseUntilNext(): Promise<number> {
    const { upkeep, clock, everyMs } = this.#options;
    const always = { checkedBefore: Number.MAX_SAFE_INTEGER, limit: 1 };
    const [next] = await upkeep.listLeastChecked(always);
    // What is stored from now on was hashed on its way in; what stays unhashed is left for later.
    const checkedAt = next?.checkedAt ?? clock.now();
    const dueInMs = checkedAt + everyMs - clock.now();
    return Math.min(Math.max(dueInMs, shortestPauseMs), longestPauseMs);
  }

  /** false: it is as due as it was. */
  async #scrub(blob: StoredBlob): Promise<boolean> {
    const { examiner, isDownloading, log } = this.#options;
    const { signal } = this.#stop;
    const { digest, size } = blob;
    signal.throwIfAborted();
    if (isDownloading(digest)) return false;
    try {
      const pace = (bytes: number) => this.#throttle.spend(bytes, signal);
      const { kind } = await examiner.examine(blob, pace);
      await pace(Math.max(fewestBytes - size, 0));
      if (kind === "missing") log.warn({ digest }, "a blob's file is gone; its record is dropped");
      return kind !== "replaced";
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      log.warn({ err: error, digest }, "a blob cannot be scrubbed; it is tried again later");
      return false;
    }
  }

  #noteFailure(error: unknown): number {
    if (!this.#stop.signal.aborted) {
      this.#options.log.error({ err: error }, "scrubbing failed; it goes on later");
    }
    return longestPauseMs;
  }
}
