import type { Digest } from "../../oci/digest.ts";
import type { BlobStore, Leftover } from "../../store/blob/blob-store.ts";
import type { UpkeepStore } from "../../store/metadata/upkeep-store.ts";

/** A blob on its way in, as far as space is concerned. */
export interface Incoming {
  readonly digest: Digest;
  /** Room is kept for so many bytes; undefined: none yet. */
  reserved: number | undefined;
  /** Bytes of it that are there. */
  received: () => number;
  /** It has its record, and counts among the blobs. */
  isStored: boolean;
}

/**
 * How many bytes the storage holds: whole blobs as a running total, what earlier downloads and
 * quarantine left, and what downloads under way have or were promised.
 */
export class SpaceTally {
  readonly #blobs: BlobStore;
  readonly #upkeep: UpkeepStore;
  readonly #incoming = new Map<Digest, Incoming>();
  readonly #ends = new Map<Digest, PromiseWithResolvers<void>>();
  #leftovers = new Map<string, Leftover>();
  /** What changes while leftovers are listed, for each such listing. */
  readonly #changes = new Set<Map<string, Leftover | undefined>>();
  #blobBytes = 0;
  #leavingBytes = 0;
  #evictedBytes = 0;
  #measured: Promise<void> | undefined;

  constructor(options: { blobs: BlobStore; upkeep: UpkeepStore }) {
    this.#blobs = options.blobs;
    this.#upkeep = options.upkeep;
  }

  /** In the storage, what is being removed and what is promised to downloads included. */
  get bytes(): number {
    return this.bytesLeft + this.#leavingBytes;
  }

  /** Once what is being removed has gone. */
  get bytesLeft(): number {
    return this.#blobBytes + this.#idleBytes() + this.incomingBytes;
  }

  /** Of downloads under way. */
  get incomingBytes(): number {
    return sum([...this.#incoming.values()].map(takenBy));
  }

  /** What downloads under way will still write, as far as that is known. */
  get unwrittenBytes(): number {
    const unwritten = [...this.#incoming.values()].map((each) => takenBy(each) - each.received());
    return sum(unwritten.map((bytes) => Math.max(0, bytes)));
  }

  /** Removed since the process began, and what is being removed. */
  get evictedBytes(): number {
    return this.#evictedBytes;
  }

  /** Resolves when the storage was measured once. Throws MetadataError, StorageError. */
  async measuredOnce(): Promise<void> {
    await (this.#measured ?? this.measureAnew());
  }

  /** As a running total goes astray with time. Throws MetadataError, StorageError. */
  async measureAnew(): Promise<void> {
    const measured = this.#measure();
    this.#measured = measured;
    try {
      await measured;
    } catch (error) {
      if (this.#measured === measured) this.#measured = undefined;
      throw error;
    }
  }

  /** Records also come and go by other ways than downloads and eviction. Throws MetadataError. */
  async measureBlobs(): Promise<void> {
    const before = this.#blobBytes;
    const { bytes } = await this.#upkeep.measureBlobs();
    const changedMeanwhile = this.#blobBytes - before;
    this.#blobBytes = Math.max(0, bytes + changedMeanwhile);
  }

  async #measure(): Promise<void> {
    const changes = new Map<string, Leftover | undefined>();
    this.#changes.add(changes);
    try {
      const leftovers = new Map<string, Leftover>();
      for await (const leftover of this.#blobs.listLeftovers()) {
        leftovers.set(keyOf(leftover), leftover);
      }
      for (const [key, leftover] of changes) setOrDelete(leftovers, key, leftover);
      this.#leftovers = leftovers;
    } finally {
      this.#changes.delete(changes);
    }
    await this.measureBlobs();
  }

  isIncoming(digest: Digest): boolean {
    return this.#incoming.has(digest);
  }

  /** Resolves when no download of it is under way, or the one that was is over. */
  async whenLeft(digest: Digest): Promise<void> {
    await this.#ends.get(digest)?.promise;
  }

  /** A download begins. What an earlier one left of the blob is part of it from now on. */
  enter(digest: Digest, received: () => number): Incoming {
    const incoming = { digest, reserved: undefined, received, isStored: false };
    this.#incoming.set(digest, incoming);
    this.#ends.set(digest, Promise.withResolvers());
    return incoming;
  }

  /** Its blob is in place; once only, however often it is told. */
  store(incoming: Incoming, bytes: number): void {
    if (incoming.isStored) return;
    incoming.isStored = true;
    this.#blobBytes += bytes;
  }

  /** It is over. `partial` is what it leaves behind, if it does. */
  leave({ digest }: Incoming, partial: Leftover | undefined): void {
    this.#incoming.delete(digest);
    this.#ends.get(digest)?.resolve();
    this.#ends.delete(digest);
    this.#setLeftover(keyOf({ kind: "partial", digest }), partial);
  }

  /** The record of a blob has gone, or was never there; its bytes go next. */
  beginRemoval(bytes: number): void {
    this.#blobBytes = Math.max(0, this.#blobBytes - bytes);
    this.#leavingBytes += bytes;
    this.#evictedBytes += bytes;
  }

  /** `stayed`: so many of its bytes could not be removed. */
  endRemoval(bytes: number, stayed: number): void {
    this.#leavingBytes -= bytes;
    this.#blobBytes += stayed;
    this.#evictedBytes -= stayed;
  }

  /** What no download is writing to, longest untouched first. */
  listIdle(kind: Leftover["kind"]): Leftover[] {
    return [...this.#leftovers.values()]
      .filter((each) => each.kind === kind && this.#isIdle(each))
      .toSorted((a, b) => a.changedAt - b.changedAt);
  }

  removeLeftover(leftover: Leftover): void {
    const key = keyOf(leftover);
    if (this.#leftovers.has(key)) this.#evictedBytes += leftover.bytes;
    this.#setLeftover(key, undefined);
  }

  #setLeftover(key: string, leftover: Leftover | undefined): void {
    setOrDelete(this.#leftovers, key, leftover);
    for (const changes of this.#changes) changes.set(key, leftover);
  }

  #idleBytes(): number {
    const idle = [...this.#leftovers.values()].filter((each) => this.#isIdle(each));
    return sum(idle.map(({ bytes }) => bytes));
  }

  #isIdle({ kind, digest }: Leftover): boolean {
    return kind === "quarantined" || !this.#incoming.has(digest);
  }
}

function takenBy({ reserved = 0, received, isStored }: Incoming): number {
  return isStored ? 0 : Math.max(reserved, received());
}

function setOrDelete<Value>(map: Map<string, Value>, key: string, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function keyOf({ kind, digest }: Pick<Leftover, "kind" | "digest">): string {
  return `${kind} ${digest}`;
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
