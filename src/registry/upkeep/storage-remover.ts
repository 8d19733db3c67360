import { setImmediate } from "node:timers/promises";
import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { Digest } from "../../oci/digest.ts";
import { StorageError, type BlobStore, type Leftover } from "../../store/blob/blob-store.ts";
import { MetadataError } from "../../store/metadata/metadata-error.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import type { StoredContent, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import type { Departures } from "../departures.ts";
import type { Usage } from "../usage.ts";
import { Stride } from "./stride.ts";
import type { Remover } from "./remover.ts";
import type { SpaceTally } from "./space-tally.ts";

interface StorageRemoverOptions {
  blobs: BlobStore;
  upkeep: UpkeepStore;
  metadata: Pick<MetadataStore, "addFoundBlob" | "lastUsedAt">;
  usage: Usage;
  tally: SpaceTally;
  departures: Departures;
  clock: Clock;
  log: Logger;
}

/**
 * Rows first, bytes second: a kill in between leaves files without rows, which the next start's
 * sweep removes. Downloads wait for what is leaving; readers that have a file open read on.
 */
export class StorageRemover implements Remover {
  readonly #options: StorageRemoverOptions;
  readonly #forgetting: Stride;

  constructor(options: StorageRemoverOptions) {
    this.#options = options;
    this.#forgetting = new Stride(options.clock);
  }

  get bytesLeft(): number {
    return this.#options.tally.bytesLeft;
  }

  get bytesRemoved(): number {
    return this.#options.tally.evictedBytes;
  }

  wasRemoved(): boolean {
    return false;
  }

  async removeBlobs(blobs: readonly StoredContent[]): Promise<StoredContent[]> {
    const removed: StoredContent[] = [];
    for (let rest = blobs; rest.length > 0;) {
      const step = rest.slice(0, this.#forgetting.count);
      removed.push(...(await this.#removeStep(step)));
      rest = rest.slice(step.length);
      await setImmediate();
    }
    return removed;
  }

  /** What another pass is about to take counts as gone, and is left to that one. */
  async #removeStep(blobs: readonly StoredContent[]): Promise<StoredContent[]> {
    const idle = this.#unused(blobs);
    const digests = idle.map(({ digest }) => digest);
    return this.#options.departures.during(digests, (marked) => {
      const leaving = idle.filter(({ digest }) => marked.has(digest));
      return this.#counting(leaving, (removed) => this.#removeMarked(leaving, removed));
    });
  }

  async removeManifests(manifests: readonly StoredContent[]): Promise<StoredContent[]> {
    const { upkeep } = this.#options;
    const removed = new Set<Digest>();
    for (let rest = manifests; rest.length > 0;) {
      const step = rest.slice(0, this.#forgetting.count);
      const forget = () => upkeep.removeManifests(this.#unused(step));
      const gone = await this.#forgetting.time(step.length, forget);
      for (const digest of gone) removed.add(digest);
      rest = rest.slice(step.length);
      await setImmediate();
    }
    return manifests.filter(({ digest }) => removed.has(digest));
  }

  async removeLeftover(leftover: Leftover): Promise<boolean> {
    const { tally, departures } = this.#options;
    const { kind, digest } = leftover;
    if (kind === "partial" && tally.isIncoming(digest)) return false;
    return departures.during([digest], async (marked) => {
      if (!marked.has(digest) || !(await this.#deleteLeftover(leftover))) return false;
      tally.removeLeftover(leftover);
      return true;
    });
  }

  async #deleteLeftover(leftover: Leftover): Promise<boolean> {
    const { blobs, log } = this.#options;
    try {
      await blobs.deleteLeftover(leftover);
      return true;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      const { kind, digest } = leftover;
      log.warn({ err: error, digest }, `a ${kind} blob cannot be deleted; it stays`);
      return false;
    }
  }

  /**
   * Deletes the files of blobs whose rows went already, unless they have come back meanwhile.
   * Throws StorageError.
   */
  async deleteForgotten(digests: readonly Digest[]): Promise<void> {
    const { departures } = this.#options;
    const idle: Digest[] = [];
    for (const digest of digests) if (await this.#becomesIdle(digest)) idle.push(digest);
    await departures.during(idle, async (marked) => {
      const found: StoredContent[] = [];
      for (const digest of marked) {
        const size = await this.#sizeOfForgotten(digest);
        if (size !== undefined) found.push({ kind: "blob", digest, size, usedAt: 0 });
      }
      await this.#counting(found, (removed) => this.#deleteFiles(found, removed));
    });
  }

  /** A download whose blob is in place only has to sync it; any other brings a blob of its own. */
  async #becomesIdle(digest: Digest): Promise<boolean> {
    const { blobs, tally } = this.#options;
    if (!tally.isIncoming(digest)) return true;
    if (!(await blobs.stat(digest))) return false;
    await tally.whenLeft(digest);
    return !tally.isIncoming(digest);
  }

  async #sizeOfForgotten(digest: Digest): Promise<number | undefined> {
    const { blobs, metadata } = this.#options;
    const isBack = (await metadata.lastUsedAt(digest)) !== undefined;
    return isBack ? undefined : (await blobs.stat(digest))?.size;
  }

  /** Uses that are not written down yet count. */
  #unused(contents: readonly StoredContent[]): StoredContent[] {
    const { tally, usage } = this.#options;
    return contents.filter(({ digest }) => !tally.isIncoming(digest) && !usage.isNoted(digest));
  }

  /** They count as leaving from the start, and those that stay come back at the end. */
  async #counting(
    blobs: readonly StoredContent[],
    remove: (removed: StoredContent[]) => Promise<void>,
  ): Promise<StoredContent[]> {
    const { tally } = this.#options;
    const removed: StoredContent[] = [];
    const bytes = sumOf(blobs);
    tally.beginRemoval(bytes);
    try {
      await remove(removed);
    } finally {
      tally.endRemoval(bytes, bytes - sumOf(removed));
    }
    return removed;
  }

  async #removeMarked(blobs: readonly StoredContent[], removed: StoredContent[]): Promise<void> {
    const forgotten = await this.#forget(blobs);
    if (forgotten) await this.#deleteFiles(forgotten, removed);
    else await this.#deleteBytesFirst(blobs, removed);
  }

  /** undefined: the disk is so full that not even a row can be removed. */
  async #forget(blobs: readonly StoredContent[]): Promise<StoredContent[] | undefined> {
    try {
      const forget = () => this.#options.upkeep.removeBlobs(blobs);
      const removed = new Set(await this.#forgetting.time(blobs.length, forget));
      return blobs.filter(({ digest }) => removed.has(digest));
    } catch (error) {
      if (error instanceof MetadataError && error.failure === "full") return undefined;
      throw error;
    }
  }

  /** A row that stays although its file has gone is a miss for the next request, and ends then. */
  async #deleteBytesFirst(
    blobs: readonly StoredContent[],
    removed: StoredContent[],
  ): Promise<void> {
    for (const blob of blobs) {
      if (await this.#options.blobs.delete(blob.digest)) removed.push(blob);
    }
    await this.#forget(blobs);
  }

  /** Goes on after a file that cannot be deleted; throws the last such StorageError at the end. */
  async #deleteFiles(blobs: readonly StoredContent[], removed: StoredContent[]): Promise<void> {
    let failure: StorageError | undefined;
    for (const blob of blobs) {
      const error = await this.#deleteFile(blob);
      if (error) failure = error;
      else removed.push(blob);
    }
    if (failure) throw failure;
  }

  /** One that cannot be deleted is still here, and recorded as such; it comes last from now on. */
  async #deleteFile({ digest, size }: StoredContent): Promise<StorageError | undefined> {
    const { blobs, metadata, clock, log } = this.#options;
    try {
      await blobs.delete(digest);
      return undefined;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      log.warn({ err: error, digest }, "an evicted blob cannot be deleted; it stays");
      await metadata.addFoundBlob(digest, size, clock.now());
      return error;
    }
  }
}

function sumOf(blobs: readonly StoredContent[]): number {
  return blobs.reduce((total, { size }) => total + size, 0);
}
