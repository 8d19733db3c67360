import type { Config } from "../config/config.ts";
import { createFetches } from "../registry/operations/fetch-content.ts";
import { createListings } from "../registry/operations/list.ts";
import type { Operations } from "../registry/operations/operations.ts";
import { createPins } from "../registry/operations/pins.ts";
import { createPrefetch } from "../registry/operations/prefetch.ts";
import { createRemove } from "../registry/operations/remove.ts";
import { createShow } from "../registry/operations/show.ts";
import { createStats } from "../registry/operations/stats.ts";
import { createTestUpstream } from "../registry/operations/test-upstream.ts";
import { createListUpstreams } from "../registry/operations/upstreams.ts";
import { createVerify } from "../registry/operations/verify.ts";
import type { BlobExaminer } from "../registry/upkeep/blob-examiner.ts";
import type { Basics } from "./basics.ts";
import type { Cache } from "./cache.ts";
import { createProbe } from "./probe.ts";
import type { Storage } from "./storage.ts";

interface OperationParts {
  config: Config;
  basics: Basics;
  storage: Storage;
  cache: Cache;
  examiner: BlobExaminer;
  /** undefined: no server runs. */
  runningSince: number | undefined;
}

/** Everything that commands can ask for, over what serves. */
export function buildOperations(parts: OperationParts): Operations {
  const { config, basics, storage, cache, examiner, runningSince } = parts;
  const { clock, log } = basics;
  const { directory, registries, downloads, stored, statistics, rules, eviction } = cache;
  const { upstreams, defaultUpstream } = config;
  const { blobs, store } = storage;
  const { upkeep, inventory, pins, traffic } = store;
  const shared = { metadata: store, upkeep, inventory, pins, traffic, blobs, rules, clock, log };
  return {
    ...createListings(shared),
    ...createPins({ ...shared, onPinsChanged: () => eviction.evictor.pinsChanged() }),
    show: createShow(shared),
    remove: createRemove({ ...shared, deleteBlobs: eviction.deleteForgotten }),
    evict: eviction.evict,
    verify: createVerify({ ...shared, ...createFetches(directory), examiner }),
    prefetch: createPrefetch({ directory, clock, log }),
    stats: createStats({
      ...shared,
      limits: config.storage,
      runningSince,
      listDownloads: () => downloads.list(),
      countDamaged: () => stored.damagedSinceStart,
      flush: () => statistics.flush(),
    }),
    listUpstreams: createListUpstreams({ registries, configured: upstreams, defaultUpstream }),
    testUpstream: createTestUpstream({
      configured: [...upstreams.keys()],
      inventory,
      probe: createProbe({ upstreams, basics }),
    }),
  };
}
