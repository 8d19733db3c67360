import type { Clock } from "../../clock.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { BlobStore } from "../../store/blob/blob-store.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import type { PinStore } from "../../store/metadata/pin-store.ts";
import type { Traffic, TrafficStore } from "../../store/metadata/traffic-store.ts";
import type { StoredBlob, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import { isInForce } from "../pinning.ts";
import { startOfDay } from "../start-of-day.ts";
import { minFreeBytes, type StorageLimits } from "../upkeep/storage-limits.ts";
import type { DownloadEntry, Operations, Stats } from "./operations.ts";
import { walkPages } from "./pages.ts";

export interface StatsOptions {
  upkeep: Pick<UpkeepStore, "measureBlobs" | "listLeastChecked" | "listBlobs">;
  inventory: Pick<InventoryStore, "countManifests" | "countTags" | "listRepositories">;
  pins: Pick<PinStore, "listPins">;
  traffic: TrafficStore;
  blobs: Pick<BlobStore, "listLeftovers" | "measureSpace">;
  clock: Clock;
  /** As configured; `maxBytes` Infinity: no limit. */
  limits: Pick<StorageLimits, "maxBytes" | "minFree">;
  /** undefined: no server runs. */
  runningSince: number | undefined;
  listDownloads: () => DownloadEntry[];
  countDamaged: () => number;
  /** Writes down what was counted and not written yet. */
  flush: () => Promise<void>;
}

const defaultSinceMs = 30 * 24 * 3_600_000;
const maxTopRepositories = 10;
const pageSize = 1000;

const hits: readonly Traffic["outcome"][] = ["HIT", "REVALIDATED", "STALE"];

export function createStats(options: StatsOptions): Operations["stats"] {
  return async ({ sinceMs = defaultSinceMs }, { signal }) => {
    const since = startOfDay(Math.max(0, options.clock.now() - sinceMs));
    await options.flush();
    const top = await options.traffic.listTopRepositories(since, maxTopRepositories);
    return {
      runningSince: options.runningSince,
      space: await measureSpace(options),
      counts: await countContent(options, signal),
      traffic: await sumTraffic(since, options.traffic),
      topRepositories: top.map(({ repository, requests, bytes }) => ({
        name: repository,
        requests,
        bytes,
      })),
      downloads: options.listDownloads(),
      integrity: await judgeIntegrity(options, signal),
    };
  };
}

async function measureSpace({ upkeep, blobs, limits }: StatsOptions): Promise<Stats["space"]> {
  const whole = await upkeep.measureBlobs();
  const left = { partial: 0, quarantined: 0 };
  for await (const { kind, bytes } of blobs.listLeftovers()) left[kind] += bytes;
  const space = await blobs.measureSpace();
  const { maxBytes } = limits;
  return {
    blobs: whole.count,
    blobBytes: whole.bytes,
    partialBytes: left.partial,
    quarantinedBytes: left.quarantined,
    maxBytes: maxBytes === Infinity ? undefined : maxBytes,
    diskFree: space.free,
    diskTotal: space.total,
    minFree: Math.round(minFreeBytes(limits, space)),
  };
}

async function countContent(
  { inventory, pins, clock }: StatsOptions,
  signal: AbortSignal,
): Promise<Stats["counts"]> {
  const now = clock.now();
  const manifests = await inventory.countManifests();
  const inForce = (await pins.listPins()).filter((pin) => isInForce(pin, now));
  let repositories = 0;
  const pages = walkPages<QualifiedName>(
    (after) => inventory.listRepositories({ after, limit: pageSize }),
    signal,
  );
  for await (const page of pages) repositories += page.length;
  return {
    repositories,
    tags: await inventory.countTags(),
    manifests: manifests.count,
    manifestBytes: manifests.bytes,
    pins: inForce.length,
  };
}

async function sumTraffic(since: number, store: TrafficStore): Promise<Stats["traffic"]> {
  const fetchedBytes = await store.sumIntake(since);
  const sums = await store.sumTraffic(since);
  const content = sums.filter(({ outcome }) => outcome !== "ERROR");
  const errors = sums.filter(({ outcome }) => outcome === "ERROR");
  const fromHere = content.filter(({ outcome }) => hits.includes(outcome));
  const bytes = sum(content, "bytes");
  return {
    since,
    requests: sum(content, "requests"),
    errors: sum(errors, "requests"),
    hits: sum(fromHere, "requests"),
    bytes,
    hitBytes: sum(fromHere, "bytes"),
    fetchedBytes,
    savedBytes: Math.max(0, bytes - fetchedBytes),
  };
}

function sum(
  sums: readonly Pick<Traffic, "requests" | "bytes">[],
  of: "requests" | "bytes",
): number {
  return sums.reduce((total, each) => total + each[of], 0);
}

/** All have to be looked at only while some were never checked. */
async function judgeIntegrity(
  { upkeep, countDamaged }: StatsOptions,
  signal: AbortSignal,
): Promise<Stats["integrity"]> {
  const damagedSinceStart = countDamaged();
  const [first] = await upkeep.listLeastChecked({
    checkedBefore: Number.MAX_SAFE_INTEGER,
    limit: 1,
  });
  if (first?.checkedAt !== undefined || first === undefined) {
    return { uncheckedBlobs: 0, oldestCheck: first?.checkedAt, damagedSinceStart };
  }
  let uncheckedBlobs = 0;
  let oldestCheck: number | undefined;
  const pages = walkPages<StoredBlob>(
    (last) => upkeep.listBlobs({ after: last?.digest, limit: pageSize }),
    signal,
  );
  for await (const page of pages) {
    for (const { checkedAt } of page) {
      if (checkedAt === undefined) uncheckedBlobs += 1;
      else oldestCheck = Math.min(checkedAt, oldestCheck ?? Infinity);
    }
  }
  return { uncheckedBlobs, oldestCheck, damagedSinceStart };
}
