import type { Space } from "../../store/blob/blob-store.ts";

/** What the cache may take of the disk, and for how long unused content stays. */
export interface StorageLimits {
  /** Of blobs, partial and quarantined ones included; Infinity: no limit. */
  maxBytes: number;
  /** Left free on the file system. */
  minFree: { percent: number } | { bytes: number };
  /** Infinity: for ever. */
  maxAgeMs: number;
}

/** Eviction in the background begins above the high mark and ends at the low one. */
const highMark = 0.95;
const lowMark = 0.9;

/** So much more than `minFree` is free before eviction ends, as the disk's other users go on, too. */
const minFreeMargin = 0.1;

export function highMarkBytes({ maxBytes }: StorageLimits): number {
  return maxBytes * highMark;
}

export function lowMarkBytes({ maxBytes }: StorageLimits): number {
  return maxBytes * lowMark;
}

/** In bytes, on a file system of that size. */
export function minFreeBytes(
  { minFree }: Pick<StorageLimits, "minFree">,
  { total }: Space,
): number {
  return "bytes" in minFree ? minFree.bytes : (total * minFree.percent) / 100;
}

/** What is free when eviction for `minFree` ends; never more than the file system can have free. */
export function freeAfterEviction(limits: StorageLimits, space: Space): number {
  return Math.min(minFreeBytes(limits, space) * (1 + minFreeMargin), space.total);
}

/** false: there is nothing to keep free, and nobody needs to look at the file system. */
export function keepsFree({ minFree }: StorageLimits): boolean {
  return ("bytes" in minFree ? minFree.bytes : minFree.percent) > 0;
}
