import type { BlobStore } from "../../store/blob/blob-store.ts";
import type { AgePass } from "../upkeep/age-pass.ts";
import type { ClearingCounts } from "../upkeep/clearing.ts";
import { DryRunRemover, type Remover } from "../upkeep/remover.ts";
import { aboveBytes, findShortage, type LimitShortage } from "../upkeep/shortages.ts";
import type { SpacePass } from "../upkeep/space-pass.ts";
import type { SpaceTally } from "../upkeep/space-tally.ts";
import type { StorageLimits } from "../upkeep/storage-limits.ts";
import type { CallOptions, EvictionEntry, OperationArgs, Operations } from "./operations.ts";

interface EvictOptions {
  blobs: BlobStore;
  tally: SpaceTally;
  spacePass: SpacePass;
  agePass: AgePass;
  remover: Remover;
  limits: StorageLimits;
}

type Args = OperationArgs<"evict">;

/**
 * Age first, then space. With both `olderThanMs` and `toBytes`, what each of them asks for goes.
 */
export function createEvict(options: EvictOptions): Operations["evict"] {
  return async (args, call) => {
    const { tally } = options;
    await tally.measureAnew();
    const remover = args.dryRun ? new DryRunRemover(tally) : options.remover;
    const counts = [await clearByAge({ ...options, remover }, args, call)];
    const asked = await findShortageFor({ ...options, remover }, args);
    if (asked) counts.push(await clearSpace({ ...options, remover }, asked, call));
    call.signal.throwIfAborted();
    return {
      blobs: sumOf(counts, "blobs"),
      manifests: sumOf(counts, "manifests"),
      leftovers: sumOf(counts, "leftovers"),
      bytes: sumOf(counts, "bytes"),
      pinnedBytes: Math.max(...counts.map(({ pinnedBytes }) => pinnedBytes)),
      bytesLeft: remover.bytesLeft,
      reached: asked === undefined || asked.shortage(remover) <= asked.tolerance,
    };
  };
}

async function clearByAge(
  { agePass, remover }: EvictOptions,
  { toBytes, olderThanMs }: Args,
  { signal, onEvent }: CallOptions<EvictionEntry>,
): Promise<ClearingCounts> {
  const isAsked = olderThanMs !== undefined || toBytes === undefined;
  if (isAsked) return agePass.run({ remover, signal, olderThanMs, onEntry: onEvent });
  return { blobs: 0, manifests: 0, leftovers: 0, bytes: 0, pinnedBytes: 0 };
}

async function findShortageFor(
  options: EvictOptions,
  { toBytes, olderThanMs }: Args,
): Promise<LimitShortage | undefined> {
  if (toBytes !== undefined) return { shortage: aboveBytes(toBytes), tolerance: 0 };
  return olderThanMs === undefined ? findShortage(options) : undefined;
}

function clearSpace(
  { spacePass, remover }: EvictOptions,
  asked: LimitShortage,
  { signal, onEvent }: CallOptions<EvictionEntry>,
): Promise<ClearingCounts> {
  return spacePass.run({ remover, ...asked, signal, onEntry: onEvent });
}

function sumOf(counts: readonly ClearingCounts[], key: keyof ClearingCounts): number {
  return counts.reduce((total, each) => total + each[key], 0);
}
