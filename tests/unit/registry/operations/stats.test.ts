import { describe, expect, test } from "@jest/globals";
import { createStats, type StatsOptions } from "../../../../src/registry/operations/stats.ts";
import type { DownloadEntry, Stats } from "../../../../src/registry/operations/operations.ts";
import { Statistics } from "../../../../src/registry/statistics.ts";
import { makeBlob, makeImage } from "../../../support/images.ts";
import { makeRecordingLog } from "../../store/metadata/recording-log.ts";
import { call, repositoryOf, StockedCache } from "./stocked-cache.ts";

const dayMs = 24 * 3_600_000;
const image = makeImage({ layers: [1000] });

async function stats(
  cache: StockedCache,
  options: Partial<StatsOptions> = {},
  args: { sinceMs?: number } = {},
): Promise<Stats> {
  const operation = createStats({
    ...cache.stores,
    limits: { maxBytes: Infinity, minFree: { bytes: 0 } },
    runningSince: undefined,
    listDownloads: () => [],
    countDamaged: () => 0,
    flush: () => Promise.resolve(),
    ...options,
  });
  return (await call<"stats">(operation, args)).result;
}

describe("stats of content", () => {
  test("of an empty cache", async () => {
    await using cache = await StockedCache.open();
    const { counts, space, traffic, topRepositories, integrity } = await stats(cache);
    expect(counts).toEqual({ repositories: 0, tags: 0, manifests: 0, manifestBytes: 0, pins: 0 });
    expect(space).toMatchObject({ blobs: 0, blobBytes: 0, partialBytes: 0, quarantinedBytes: 0 });
    expect(traffic).toMatchObject({ requests: 0, errors: 0, hits: 0, bytes: 0, savedBytes: 0 });
    expect(topRepositories).toEqual([]);
    expect(integrity).toEqual({ uncheckedBlobs: 0, oldestCheck: undefined, damagedSinceStart: 0 });
  });

  test("counts what is here, and the pins in force", async () => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:1", image);
    await cache.addManifest("node:2", image.manifest);
    await cache.addManifest("bitnami/node:2", image.manifest);
    await cache.pin("node:1");
    await cache.pin("node:2", cache.clock.now());
    const { counts, space } = await stats(cache);
    expect(counts).toEqual({
      repositories: 2,
      tags: 3,
      manifests: 1,
      manifestBytes: image.manifest.bytes.length,
      pins: 1,
    });
    expect(space).toMatchObject({ blobs: 2, blobBytes: 1000 + image.config.bytes.length });
  });

  test("measures partial and quarantined blobs", async () => {
    await using cache = await StockedCache.open();
    const [damaged, partly] = [makeBlob(100_000, "damaged"), makeBlob(200_000, "partly")];
    await cache.addBlob(damaged);
    await cache.blobs.quarantine(damaged.digest);
    await cache.metadata.deleteBlob(damaged.digest);
    const partial = await cache.blobs.partial(partly.digest);
    partial.setSize(200_000);
    await partial.write(0, partly.bytes.subarray(0, 50_000));
    await partial[Symbol.asyncDispose]();
    const { space } = await stats(cache);
    expect(space.blobBytes).toBe(0);
    expect(space.quarantinedBytes).toBeGreaterThanOrEqual(100_000);
    expect(space.partialBytes).toBeGreaterThanOrEqual(50_000);
  });

  test("tells the limits, in bytes", async () => {
    await using cache = await StockedCache.open();
    const unlimited = (await stats(cache)).space;
    expect(unlimited).toMatchObject({ maxBytes: undefined, minFree: 0 });
    const limits = { maxBytes: 5000, minFree: { percent: 5 } };
    const { maxBytes, minFree, diskTotal, diskFree } = (await stats(cache, { limits })).space;
    expect(maxBytes).toBe(5000);
    expect(minFree).toBe(Math.round(diskTotal * 0.05));
    expect(diskFree).toBeLessThanOrEqual(diskTotal);
  });

  test("tells how much of it was checked, and how long ago", async () => {
    await using cache = await StockedCache.open();
    const oldest = cache.clock.now();
    await cache.addBlob(makeBlob(10, "old"));
    cache.clock.advance(1000);
    await cache.addBlob(makeBlob(10, "new"));
    const damaged = { countDamaged: () => 3 };
    const checked = { uncheckedBlobs: 0, oldestCheck: oldest, damagedSinceStart: 3 };
    expect((await stats(cache, damaged)).integrity).toEqual(checked);
    for (const seed of ["a", "b"]) {
      await cache.metadata.addFoundBlob(makeBlob(10, seed).digest, 10, oldest);
    }
    expect((await stats(cache, damaged)).integrity).toEqual({ ...checked, uncheckedBlobs: 2 });
  });

  test("tells what is downloading now, and since when the server runs", async () => {
    await using cache = await StockedCache.open();
    const download: DownloadEntry = {
      digest: image.config.digest,
      repository: repositoryOf("node"),
      size: undefined,
      received: 5,
      startedAt: 1,
    };
    const running = { listDownloads: () => [download], runningSince: 7 };
    expect(await stats(cache, running)).toMatchObject({ downloads: [download], runningSince: 7 });
  });
});

describe("stats of traffic", () => {
  const node = repositoryOf("node");

  test("tell what came from here, and how much that saved", async () => {
    await using cache = await StockedCache.open();
    const { traffic, clock } = cache.stores;
    await using statistics = new Statistics({ traffic, clock, log: makeRecordingLog().log });
    const outcomes = ["HIT", "REVALIDATED", "STALE", "MISS", "PASS", "ERROR"] as const;
    for (const [index, outcome] of outcomes.entries()) {
      statistics.noteAnswer({ repository: node, kind: "blob", outcome, bytes: 10 ** index });
    }
    statistics.noteReceived(11_000);
    const flush = () => statistics.flush();
    expect((await stats(cache, { flush })).traffic).toEqual({
      since: Math.floor((clock.now() - 30 * dayMs) / dayMs) * dayMs,
      requests: 5,
      errors: 1,
      hits: 3,
      bytes: 11_111,
      hitBytes: 111,
      fetchedBytes: 11_000,
      savedBytes: 111,
    });
  });

  test("never tell of savings below nothing", async () => {
    await using cache = await StockedCache.open();
    const day = Math.floor(cache.clock.now() / dayMs) * dayMs;
    await cache.metadata.traffic.addTraffic([], [{ day, bytes: 100 }]);
    expect((await stats(cache)).traffic).toMatchObject({ fetchedBytes: 100, savedBytes: 0 });
  });

  test("are of the time that was asked for, in whole days", async () => {
    await using cache = await StockedCache.open();
    cache.clock.advance(dayMs / 2);
    const today = Math.floor(cache.clock.now() / dayMs) * dayMs;
    for (const [age, bytes] of [
      [0, 1],
      [1, 10],
      [2, 100],
      [31, 1000],
    ] as const) {
      await cache.metadata.traffic.addTraffic([], [{ day: today - age * dayMs, bytes }]);
    }
    const fetched = async (sinceMs?: number) =>
      (await stats(cache, {}, sinceMs === undefined ? {} : { sinceMs })).traffic.fetchedBytes;
    expect(await fetched()).toBe(111);
    expect(await fetched(1)).toBe(1);
    expect(await fetched(dayMs)).toBe(11);
    expect(await fetched(Infinity)).toBe(1111);
  });

  test("name the ten repositories with most bytes", async () => {
    await using cache = await StockedCache.open();
    const day = Math.floor(cache.clock.now() / dayMs) * dayMs;
    const kinds = { kind: "blob", outcome: "HIT", requests: 1 } as const;
    const rows = Array.from({ length: 12 }, (_, index) => ({
      ...kinds,
      day,
      repository: repositoryOf(`app${index}`),
      bytes: index,
    }));
    await cache.metadata.traffic.addTraffic(rows, []);
    const { topRepositories } = await stats(cache);
    expect(topRepositories).toHaveLength(10);
    expect(topRepositories[0]).toEqual({ name: repositoryOf("app11"), requests: 1, bytes: 11 });
  });
});
