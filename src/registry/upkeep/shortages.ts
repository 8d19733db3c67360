import type { BlobStore, Space } from "../../store/blob/blob-store.ts";
import type { Remover } from "./remover.ts";
import type { Shortage } from "./space-pass.ts";
import type { SpaceTally } from "./space-tally.ts";
import {
  freeAfterEviction,
  highMarkBytes,
  keepsFree,
  lowMarkBytes,
  minFreeBytes,
  type StorageLimits,
} from "./storage-limits.ts";

interface ShortageOptions {
  blobs: BlobStore;
  tally: SpaceTally;
  remover: Remover;
  limits: StorageLimits;
}

/** What the limits ask to go. */
export interface LimitShortage {
  shortage: Shortage;
  /**
   * Between the marks only what is smaller than the way between them goes: a blob that takes the
   * storage far below the low one by itself would else be gone as soon as it came.
   */
  tolerance: number;
}

/** undefined: nothing has to go now. Throws StorageError. */
export async function findShortage(options: ShortageOptions): Promise<LimitShortage | undefined> {
  const { blobs, tally, remover, limits } = options;
  const isAboveMark = tally.bytes > highMarkBytes(limits);
  const space = keepsFree(limits) ? await blobs.measureSpace() : undefined;
  const isBelowFree = space !== undefined && space.free < minFreeBytes(limits, space);
  if (!isAboveMark && !isBelowFree) return undefined;
  const above = isAboveMark ? aboveBytes(lowMarkBytes(limits)) : none;
  const belowFree = isBelowFree ? belowFreeBytes(limits, space, remover) : none;
  return {
    shortage: (of) => Math.max(above(of), belowFree(of)),
    tolerance: isBelowFree ? 0 : highMarkBytes(limits) - lowMarkBytes(limits),
  };
}

export function aboveBytes(targetBytes: number): Shortage {
  return ({ bytesLeft }) => bytesLeft - targetBytes;
}

const none: Shortage = () => 0;

/**
 * By what was removed since `space` was measured: a file that a reader has open gives its bytes
 * back later, and nothing more must go for that.
 */
function belowFreeBytes(limits: StorageLimits, space: Space, { bytesRemoved }: Remover): Shortage {
  const missing = freeAfterEviction(limits, space) - space.free;
  return (of) => missing - (of.bytesRemoved - bytesRemoved);
}
