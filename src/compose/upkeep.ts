import type { Config } from "../config/config.ts";
import type { Operations } from "../registry/operations/operations.ts";
import { PrefetchSchedule } from "../registry/prefetch-schedule.ts";
import { BlobExaminer } from "../registry/upkeep/blob-examiner.ts";
import { Scrubber } from "../registry/upkeep/scrubber.ts";
import { Sweep } from "../registry/upkeep/sweep.ts";
import type { Basics } from "./basics.ts";
import type { Cache } from "./cache.ts";
import type { Storage } from "./storage.ts";

interface UpkeepParts {
  config: Config;
  basics: Basics;
  storage: Storage;
  cache: Cache;
  building: AsyncDisposableStack;
}

export function buildExaminer({
  basics,
  storage,
  cache,
}: Pick<UpkeepParts, "basics" | "storage" | "cache">): BlobExaminer {
  const { blobs, store } = storage;
  const { inventory, upkeep } = store;
  const { clock } = basics;
  return new BlobExaminer({
    blobs,
    metadata: store,
    inventory,
    upkeep,
    clock,
    stored: cache.stored,
  });
}

/** Starts what looks after the cache in the background. */
export function startUpkeep(
  parts: UpkeepParts & { examiner: BlobExaminer; operations: Operations },
): void {
  const { config, basics, storage, cache, building, examiner, operations } = parts;
  const { clock, log } = basics;
  const { blobs, store } = storage;
  const { upkeep, inventory } = store;
  const { departures, downloads, eviction } = cache;
  const isDownloading = (digest: Parameters<typeof downloads.find>[0]) =>
    downloads.find(digest) !== undefined;
  const sweep = building.use(
    new Sweep({
      blobs,
      metadata: store,
      inventory,
      upkeep,
      isDownloading,
      departures,
      clock,
      log,
      isRebuilt: () => store.rebuilt,
      onAdopted: () => store.finishRebuild(),
      onChanged: () => eviction.evictor.contentChanged(),
    }),
  );
  storage.onRebuilt = () => sweep.start();
  const scrubber = building.use(
    new Scrubber({ examiner, upkeep, isDownloading, clock, log, ...config.scrub }),
  );
  const { schedule, ...prefetch } = config.prefetch;
  if (schedule !== undefined) {
    building.use(
      new PrefetchSchedule({ ...prefetch, schedule, prefetch: operations.prefetch, clock, log }),
    );
  }
  sweep.start();
  eviction.evictor.start();
  scrubber.start();
}
