import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { BlobStore } from "../../store/blob/blob-store.ts";
import type { AgePass } from "./age-pass.ts";
import type { ClearingCounts } from "./clearing.ts";
import { findShortage } from "./shortages.ts";
import { DryRunRemover, type Remover } from "./remover.ts";
import type { Shortage, SpacePass } from "./space-pass.ts";
import type { SpaceTally } from "./space-tally.ts";
import type { StorageLimits } from "./storage-limits.ts";

interface EvictorOptions {
  blobs: BlobStore;
  tally: SpaceTally;
  spacePass: SpacePass;
  agePass: AgePass;
  remover: Remover;
  limits: StorageLimits;
  clock: Clock;
  log: Logger;
}

interface RoomRequest {
  /** For the log. */
  reason: string;
  shortage: Shortage;
  /** As of a SpacePass. */
  tolerance?: number;
  /** By the monotonic clock: after that the rest is left to the background. */
  until?: number;
}

/** The disk's other users are looked after so often. */
const tickMs = 30_000;

/** What a start has to do otherwise comes first. */
const firstAgePassAfterMs = 5 * 60_000;
const agePassEveryMs = 3_600_000;

/** That pins leave no room is told so often. */
const lackEveryMs = 3_600_000;

/**
 * Keeps the storage within its limits in the background: space whenever something came, age from
 * time to time. What fails is logged and tried again.
 */
export class Evictor implements AsyncDisposable {
  readonly #options: EvictorOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #nap: AbortController | undefined;
  #isWoken = false;
  #mustMeasure = true;
  #nextAgePassAt: number;
  #isFailing = false;
  #nextLackAt = -Infinity;

  constructor(options: EvictorOptions) {
    this.#options = options;
    this.#nextAgePassAt = options.clock.monotonic() + firstAgePassAfterMs;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Something came or went; looks at the space soon. */
  wake(): void {
    this.#isWoken = true;
    this.#nap?.abort();
  }

  /** Blobs or leftovers came or went by other ways than downloads and eviction. */
  contentChanged(): void {
    this.#mustMeasure = true;
    this.wake();
  }

  /** Pins were set or removed. */
  pinsChanged(): void {
    this.#options.spacePass.forgetPinned();
    this.wake();
  }

  /**
   * Whether there would be room with all evicted that may go: else nothing needs to. Throws
   * MetadataError.
   */
  async couldMakeRoom({
    shortageOf,
    until,
  }: {
    shortageOf: (remover: Remover) => Shortage;
    until: number;
  }): Promise<boolean> {
    const { spacePass, tally, remover } = this.#options;
    const evictableBytes = tally.bytesLeft - tally.incomingBytes;
    if (shortageOf(remover)(remover) > evictableBytes) return false;
    if (!(await spacePass.meetsPins())) return true;
    const dry = new DryRunRemover(tally);
    const shortage = shortageOf(dry);
    const { signal } = this.#stop;
    const counts = await spacePass.run({ remover: dry, shortage, until, signal, isDry: true });
    this.#noteLack(shortage(dry), counts);
    return shortage(dry) <= 0;
  }

  /** Evicts at once; what is missing then is up to the caller. Throws MetadataError, StorageError. */
  async makeRoom({ reason, shortage, tolerance = 0, until }: RoomRequest): Promise<void> {
    const { spacePass, remover, clock } = this.#options;
    const { signal } = this.#stop;
    const counts = await spacePass.run({ remover, signal, shortage, tolerance, until });
    this.#report(counts, reason);
    const isCutShort = signal.aborted || (until !== undefined && clock.monotonic() >= until);
    if (!isCutShort) this.#noteLack(shortage(remover) - tolerance, counts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#nap?.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#isWoken = false;
      await this.#takeTurn();
      await this.#rest();
    }
  }

  async #rest(): Promise<void> {
    if (this.#isWoken || this.#stop.signal.aborted) return;
    const nap = new AbortController();
    this.#nap = nap;
    await this.#options.clock.sleep(tickMs, nap.signal).catch(() => undefined);
    this.#nap = undefined;
  }

  async #takeTurn(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#measure();
      await this.#relieve();
      await this.#expireWhenDue();
      if (this.#isFailing) log.info("eviction works again");
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) log.error({ err: error }, "eviction failed; it is tried again later");
      this.#isFailing = true;
    }
  }

  async #measure(): Promise<void> {
    if (!this.#mustMeasure) return this.#options.tally.measureBlobs();
    this.#mustMeasure = false;
    try {
      await this.#options.tally.measureAnew();
    } catch (error) {
      this.#mustMeasure = true;
      throw error;
    }
  }

  async #relieve(): Promise<void> {
    const found = await findShortage(this.#options);
    if (found) await this.makeRoom({ reason: "space", ...found });
  }

  async #expireWhenDue(): Promise<void> {
    const { clock, agePass, remover } = this.#options;
    if (clock.monotonic() < this.#nextAgePassAt) return;
    this.#mustMeasure = true;
    await this.#measure();
    const counts = await agePass.run({ remover, signal: this.#stop.signal });
    this.#nextAgePassAt = clock.monotonic() + agePassEveryMs;
    this.#report(counts, "age");
  }

  #report({ blobs, manifests, leftovers, bytes }: ClearingCounts, reason: string): void {
    if (blobs + manifests + leftovers === 0) return;
    this.#options.log.info({ blobs, manifests, leftovers, bytes, reason }, "evicted");
  }

  /** Told once in a while: every blob that does not fit would tell it again. */
  #noteLack(missing: number, { pinnedBytes }: ClearingCounts): void {
    const { clock, log, tally } = this.#options;
    const now = clock.monotonic();
    if (missing <= 0 || pinnedBytes === 0 || now < this.#nextLackAt) return;
    this.#nextLackAt = now + lackEveryMs;
    const fields = {
      missingBytes: missing,
      // What was used meanwhile was met twice.
      pinnedBytes: Math.min(pinnedBytes, tally.bytesLeft),
    };
    log.warn(fields, "pinned content leaves no room; what does not fit is not kept");
  }
}
