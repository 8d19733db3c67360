import { setImmediate as nextTurn } from "node:timers/promises";
import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { Digest } from "../../oci/digest.ts";
import { StorageError, type BlobStore, type Leftover } from "../../store/blob/blob-store.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import { MetadataError } from "../../store/metadata/metadata-error.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import type { StoredBlob, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import type { Departures } from "../departures.ts";
import { compareStored, type StoredPair } from "./compare-stored.ts";

interface SweepOptions {
  blobs: BlobStore;
  metadata: Pick<MetadataStore, "addFoundBlob" | "deleteBlob">;
  inventory: Pick<InventoryStore, "summarizeBlob">;
  upkeep: Pick<UpkeepStore, "listBlobs">;
  /** The metadata store has lost its records, or never had them. */
  isRebuilt: () => boolean;
  /** All blobs on disk have their records again. */
  onAdopted: () => Promise<void>;
  isDownloading: (digest: Digest) => boolean;
  /** Some of what was on the disk is gone, or has a record now. */
  onChanged?: () => void;
  departures: Departures;
  clock: Clock;
  log: Logger;
}

/** What a sweep found and did, for its one line in the log. */
interface Tally {
  /** With a record and a file, and the bytes that their records tell. */
  blobs: number;
  bytes: number;
  /** Files that got a record, as the metadata store had lost its own. */
  adopted: number;
  /** Files without a record, deleted. */
  orphans: number;
  /** Records without a file. */
  droppedRecords: number;
  partialsKept: number;
  partialsRemoved: number;
  quarantined: number;
  /** What could not be set right. */
  failures: number;
}

/** Blobs gone through before requests have their turn. */
const blobsAtOnce = 200;

/**
 * Brings files and records into line after an end that nobody had planned: once, in the background,
 * while requests are served. Where the records are lost the files are recorded as unchecked, so
 * that each is hashed before it is served for the first time; links cannot be known again from the
 * disk, and come back with the manifests. Otherwise a file without a record is an orphan.
 */
export class Sweep implements AsyncDisposable {
  readonly #options: SweepOptions;
  readonly #stop = new AbortController();
  /** What was written since may belong to a download of this process. */
  readonly #madeAt: number;
  #running = Promise.resolve();
  #queued = 0;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#madeAt = options.clock.now();
  }

  /** In the background, after one that is under way. */
  start(): void {
    this.#queued += 1;
    this.#running = this.#running.then(() => this.#sweep());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #sweep(): Promise<void> {
    const { clock, log } = this.#options;
    const startedAt = clock.monotonic();
    const tally: Tally = emptyTally();
    this.#queued -= 1;
    try {
      await this.#goThrough(tally);
      if (this.#stop.signal.aborted) return;
      log.info({ ...tally, ms: Math.round(clock.monotonic() - startedAt) }, "storage swept");
    } catch (error) {
      log.error({ err: error, ...tally }, "the storage could not be swept to its end");
    } finally {
      if (hasChanged(tally)) this.#options.onChanged?.();
    }
  }

  async #goThrough(tally: Tally): Promise<void> {
    const { isRebuilt, onAdopted } = this.#options;
    const isAdopting = isRebuilt();
    await this.#attempt(tally, () => this.#sweepLeftovers(tally));
    await this.#sweepBlobs(tally);
    if (this.#stop.signal.aborted) return;
    // Records lost while it ran are the next sweep's to write again.
    if (isAdopting && tally.failures === 0 && this.#queued === 0) await onAdopted();
  }

  async #sweepLeftovers(tally: Tally): Promise<void> {
    const { blobs, isDownloading } = this.#options;
    for await (const leftover of blobs.listLeftovers()) {
      if (this.#stop.signal.aborted) return;
      const { kind, digest, isSound, changedAt } = leftover;
      const isInUse = changedAt >= this.#madeAt || isDownloading(digest);
      if (kind === "quarantined") {
        tally.quarantined += 1;
      } else if (isSound || isInUse) {
        tally.partialsKept += 1;
      } else {
        await this.#removePartial(tally, leftover);
      }
    }
  }

  async #removePartial(tally: Tally, partial: Leftover): Promise<void> {
    const { blobs, departures } = this.#options;
    await departures.during([partial.digest], async (marked) => {
      if (!marked.has(partial.digest)) return;
      await blobs.deleteLeftover(partial);
      tally.partialsRemoved += 1;
    });
  }

  async #sweepBlobs(tally: Tally): Promise<void> {
    const { blobs, upkeep } = this.#options;
    let count = 0;
    for await (const pair of compareStored(blobs, upkeep)) {
      if (this.#stop.signal.aborted) return;
      count += 1;
      if (count % blobsAtOnce === 0) await nextTurn();
      if (pair.record && pair.hasFile) {
        tally.blobs += 1;
        tally.bytes += pair.record.size;
      } else {
        await this.#attempt(tally, () => this.#settle(tally, pair));
      }
    }
  }

  async #settle(tally: Tally, { digest, record }: StoredPair): Promise<void> {
    if (record) await this.#settleRecord(tally, record);
    else if (this.#options.isRebuilt()) await this.#adopt(tally, digest);
    else await this.#settleFile(tally, digest);
  }

  async #settleRecord(tally: Tally, { digest }: StoredBlob): Promise<void> {
    const { blobs, metadata, isDownloading } = this.#options;
    const hasFile = (await blobs.stat(digest)) !== undefined;
    if (hasFile || !(await this.#isRecorded(digest)) || isDownloading(digest)) return;
    await metadata.deleteBlob(digest);
    tally.droppedRecords += 1;
  }

  async #adopt(tally: Tally, digest: Digest): Promise<void> {
    const { blobs, metadata, departures, clock } = this.#options;
    await departures.during([digest], async (marked) => {
      const found = marked.has(digest) ? await blobs.stat(digest) : undefined;
      if (!found) return;
      if (await metadata.addFoundBlob(digest, found.size, clock.now())) tally.adopted += 1;
    });
  }

  async #settleFile(tally: Tally, digest: Digest): Promise<void> {
    const { blobs, departures } = this.#options;
    await departures.during([digest], async (marked) => {
      if (!marked.has(digest) || !(await this.#isOrphan(digest))) return;
      if (await blobs.delete(digest)) tally.orphans += 1;
    });
  }

  /** That the records are lost may have been found out by looking. */
  async #isOrphan(digest: Digest): Promise<boolean> {
    const { isRebuilt, isDownloading } = this.#options;
    return !(await this.#isRecorded(digest)) && !isRebuilt() && !isDownloading(digest);
  }

  async #isRecorded(digest: Digest): Promise<boolean> {
    return (await this.#options.inventory.summarizeBlob(digest)) !== undefined;
  }

  /** One that fails keeps none of the others from being set right. */
  async #attempt(tally: Tally, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      const isExpected = error instanceof StorageError || error instanceof MetadataError;
      if (!isExpected) throw error;
      tally.failures += 1;
      if (tally.failures > 1) return;
      this.#options.log.warn({ err: error }, "something in the storage cannot be set right");
    }
  }
}

function hasChanged({ adopted, orphans, droppedRecords, partialsRemoved }: Tally): boolean {
  return adopted + orphans + droppedRecords + partialsRemoved > 0;
}

function emptyTally(): Tally {
  return {
    blobs: 0,
    bytes: 0,
    adopted: 0,
    orphans: 0,
    droppedRecords: 0,
    partialsKept: 0,
    partialsRemoved: 0,
    quarantined: 0,
    failures: 0,
  };
}
