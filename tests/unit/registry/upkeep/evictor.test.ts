import { describe, expect, test } from "@jest/globals";
import { StorageError } from "../../../../src/store/blob/blob-store.ts";
import { MetadataError } from "../../../../src/store/metadata/metadata-error.ts";
import { makeBlob, type TestBlob } from "../../../support/images.ts";
import { RegistryParts, type RegistryPartsOptions } from "../../../support/registry-parts.ts";
import { isOnDisk, leaveQuarantined, rule, storeBlob } from "../../../support/cached-content.ts";
import { eventually } from "../../../support/wait.ts";
import { parsePullName } from "../../../../src/oci/pull-name.ts";

const kib = 1024;
const minute = 60_000;
const hour = 60 * minute;
const blobs = Array.from({ length: 10 }, (_, index) => makeBlob(10 * kib, `blob ${index}`));

/** Ten blobs of 10 KiB, in the order of their use, the last of them a minute ago. */
async function startWorld(options: RegistryPartsOptions): Promise<RegistryParts> {
  const parts = await RegistryParts.start(options);
  const now = parts.clock.now();
  for (const [index, blob] of blobs.entries()) {
    await storeBlob(parts, blob, now - (blobs.length - index) * minute);
  }
  return parts;
}

async function countHere(parts: RegistryParts): Promise<number> {
  const here = await Promise.all(blobs.map((blob) => isOnDisk(parts, blob)));
  return here.filter(Boolean).length;
}

/** Evicts so many bytes now. */
function evict({ eviction }: RegistryParts, bytes: number): Promise<void> {
  const { evictor, tally } = eviction;
  const before = tally.evictedBytes;
  const shortage = () => bytes - (tally.evictedBytes - before);
  return evictor.makeRoom({ reason: "test", shortage });
}

describe("the evictor in the background", () => {
  test("goes down to the low mark when a blob has come that is above the high one", async () => {
    await using parts = await startWorld({ limits: { maxBytes: 110 * kib } });
    const { evictor, room, tally } = parts.eviction;
    evictor.start();
    await eventually("it is measured", () => tally.bytes === 100 * kib);
    expect(await countHere(parts)).toBe(10);
    const coming = makeBlob(6 * kib);
    const place = room.enter(coming.digest, () => 0);
    await storeBlob(parts, coming, parts.clock.now());
    place.leave({ stored: 6 * kib });
    await eventually("it has evicted", () => tally.bytes < 100 * kib);
    await eventually("files are gone", async () => (await countHere(parts)) === 9);
    expect(await isOnDisk(parts, first())).toBe(false);
    expect(parts.logged).toEqual([
      expect.objectContaining({ msg: "evicted", reason: "space", blobs: 1, bytes: 10 * kib }),
    ]);
  });

  test("keeps storage.minFree, and a tenth of it more", async () => {
    await using parts = await startWorld({ limits: { minFree: { bytes: 50 * kib } } });
    const { evictor, tally } = parts.eviction;
    const total = 1000 * kib;
    parts.blobs.measureSpace = async () => ({ total, free: 40 * kib + tally.evictedBytes });
    evictor.start();
    await eventually("it has evicted", async () => (await countHere(parts)) === 8);
    expect(tally.evictedBytes).toBe(20 * kib);
  });

  test("looks at ages some minutes after the start, and then every hour", async () => {
    await using parts = await startWorld({ limits: { maxAgeMs: 12 * minute } });
    const { evictor } = parts.eviction;
    evictor.start();
    parts.clock.advance(5 * minute + 1000);
    evictor.wake();
    await eventually("some have expired", async () => (await countHere(parts)) < 10);
    await eventually("it is told", () => parts.logged.length === 1);
    expect(parts.logged).toEqual([expect.objectContaining({ reason: "age", blobs: 4 })]);
    parts.clock.advance(hour);
    evictor.wake();
    await eventually("all have expired", async () => (await countHere(parts)) === 0);
  });

  test("goes on after a failure of the metadata store, told once", async () => {
    await using parts = await startWorld({ limits: { maxBytes: 50 * kib } });
    const { evictor } = parts.eviction;
    const { upkeep } = parts;
    const list = upkeep.listLeastUsed.bind(upkeep);
    let failures = 0;
    upkeep.listLeastUsed = (kind, page) => {
      failures += 1;
      if (failures <= 2) return Promise.reject(new MetadataError("failed", "the disk hiccups"));
      return list(kind, page);
    };
    evictor.start();
    await eventually("it has failed", () => parts.logged.length === 1);
    await eventually("it has evicted", async () => {
      evictor.wake();
      return (await countHere(parts)) === 4;
    });
    await eventually("it has told so", () => parts.logged.length === 3);
    expect(parts.logged.map(({ level, msg }) => [level, msg])).toEqual([
      ["error", "eviction failed; it is tried again later"],
      ["info", "evicted"],
      ["info", "eviction works again"],
    ]);
  });
});

describe("eviction", () => {
  test("does not walk past pinned content again before pins may have changed", async () => {
    const rules = [rule("docker.io/library/app", { pin: true })];
    await using parts = await startWorld({ limits: { maxBytes: 100 * kib }, rules });
    const { repository } = parsePullName("library/app");
    for (const { digest } of blobs.slice(0, 5)) await parts.metadata.link(repository, digest, 1);
    const judged = recordJudged(parts);
    for (const _ of [1, 2]) await evict(parts, 10 * kib);
    expect(judged.filter((digest) => digest === first().digest).length).toBe(1);
    expect(await countHere(parts)).toBe(8);
    parts.eviction.evictor.pinsChanged();
    await evict(parts, 10 * kib);
    expect(judged.filter((digest) => digest === first().digest).length).toBe(2);
    parts.clock.advance(minute);
    await evict(parts, 10 * kib);
    expect(judged.filter((digest) => digest === first().digest).length).toBe(3);
    expect(await isOnDisk(parts, first())).toBe(true);
    expect(await countHere(parts)).toBe(6);
  });

  test("looks at no names where nothing can be pinned", async () => {
    await using parts = await startWorld({});
    const judged = recordJudged(parts);
    await evict(parts, 10 * kib);
    expect([judged, await countHere(parts)]).toEqual([[], 9]);
  });

  test("spares what is used while it is about to go", async () => {
    await using parts = await startWorld({});
    const { upkeep } = parts;
    const list = upkeep.listLeastUsed.bind(upkeep);
    upkeep.listLeastUsed = async (kind, page) => {
      const found = await list(kind, page);
      parts.usage.note(first().digest);
      return found;
    };
    await evict(parts, 10 * kib);
    expect(await isOnDisk(parts, first())).toBe(true);
    expect(await countHere(parts)).toBe(9);
  });

  test("of two passes at once takes no more than one would", async () => {
    await using parts = await startWorld({ limits: { maxBytes: 100 * kib } });
    const { evictor, tally } = parts.eviction;
    await tally.measureAnew();
    const shortage = () => tally.bytesLeft - 85 * kib;
    const passes = [1, 2].map(() => evictor.makeRoom({ reason: "test", shortage }));
    await Promise.all(passes);
    expect(await countHere(parts)).toBe(8);
  });

  test("goes past a leftover that cannot be deleted", async () => {
    await using parts = await startWorld({});
    await leaveQuarantined(parts, makeBlob(10 * kib, "damaged"));
    await parts.eviction.tally.measureAnew();
    parts.blobs.deleteLeftover = () =>
      Promise.reject(new StorageError("failed", "removing failed: EPERM"));
    await evict(parts, 10 * kib);
    expect(await countHere(parts)).toBe(9);
    expect(parts.logged.filter(({ level }) => level === "warn")).toEqual([
      expect.objectContaining({ msg: "a quarantined blob cannot be deleted; it stays" }),
    ]);
  });

  test("deletes bytes first on a disk so full that no row can be removed", async () => {
    await using parts = await startWorld({});
    const { upkeep } = parts;
    const remove = upkeep.removeBlobs.bind(upkeep);
    upkeep.removeBlobs = async (unused) => {
      const isFull = (await countHere(parts)) === 10;
      if (isFull) throw new MetadataError("full", "database or disk is full");
      return remove(unused);
    };
    await evict(parts, 20 * kib);
    expect(await countHere(parts)).toBe(8);
    expect((await upkeep.measureBlobs()).count).toBe(8);
  });

  test("keeps the record of a blob whose file cannot be deleted, and ends there", async () => {
    await using parts = await startWorld({});
    const deleteBlob = parts.blobs.delete.bind(parts.blobs);
    parts.blobs.delete = (digest) => {
      const isStuck = digest === first().digest;
      if (isStuck) return Promise.reject(new StorageError("failed", "deleting a blob failed: EIO"));
      return deleteBlob(digest);
    };
    await expect(evict(parts, 20 * kib)).rejects.toThrow("EIO");
    expect(await upkeepCount(parts)).toBe(9);
    await evict(parts, 10 * kib);
    expect(await isOnDisk(parts, first())).toBe(true);
    expect(await countHere(parts)).toBe(8);
  });

  test("that is being stopped takes no further step", async () => {
    await using parts = await startWorld({});
    await parts.eviction.evictor[Symbol.asyncDispose]();
    await evict(parts, 50 * kib);
    expect(await countHere(parts)).toBe(10);
  });
});

function first(): TestBlob {
  return blobs[0] ?? makeBlob(0);
}

async function upkeepCount({ upkeep }: RegistryParts): Promise<number> {
  return (await upkeep.measureBlobs()).count;
}

/** The digests whose names and pins were looked up. */
function recordJudged({ upkeep }: RegistryParts): string[] {
  const judged: string[] = [];
  const find = upkeep.findStandings.bind(upkeep);
  upkeep.findStandings = (digests, at) => {
    judged.push(...digests);
    return find(digests, at);
  };
  return judged;
}
