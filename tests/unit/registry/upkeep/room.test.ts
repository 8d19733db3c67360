import { describe, expect, test } from "@jest/globals";
import { parsePullName } from "../../../../src/oci/pull-name.ts";
import { NoRoomError, type Place } from "../../../../src/registry/upkeep/room.ts";
import type { Space } from "../../../../src/store/blob/blob-store.ts";
import { makeBlob, type TestBlob } from "../../../support/images.ts";
import { RegistryParts, type RegistryPartsOptions } from "../../../support/registry-parts.ts";
import { isOnDisk, leavePartial, rule, storeBlob } from "../../../support/cached-content.ts";

const kib = 1024;
const minute = 60_000;
const old = makeBlob(40 * kib, "old");
const young = makeBlob(40 * kib, "young");
const coming = makeBlob(40 * kib, "coming");
const limits = { maxBytes: 100 * kib };

/** Two blobs of 40 KiB are here. */
async function startWorld(options: RegistryPartsOptions = { limits }): Promise<RegistryParts> {
  const parts = await RegistryParts.start(options);
  await storeBlob(parts, old, parts.clock.now() - 2 * minute);
  await storeBlob(parts, young, parts.clock.now() - minute);
  return parts;
}

function enter(parts: RegistryParts, { digest }: TestBlob, received = 0): Place {
  return parts.eviction.room.enter(digest, () => received);
}

/** The disk tells such space, less what is evicted. */
function setSpace({ blobs, eviction }: RegistryParts, { total, free }: Space): void {
  blobs.measureSpace = async () => ({ total, free: free + eviction.tally.evictedBytes });
}

function areHere(parts: RegistryParts): Promise<boolean[]> {
  return Promise.all([old, young].map((blob) => isOnDisk(parts, blob)));
}

describe("a download", () => {
  test("evicts for its size, and no more", async () => {
    await using parts = await startWorld();
    await enter(parts, coming).admit(40 * kib);
    expect(await areHere(parts)).toEqual([false, true]);
    expect(parts.eviction.tally.bytes).toBe(80 * kib);
    expect(parts.logged).toContainEqual(
      expect.objectContaining({
        msg: "evicted",
        reason: "a download needs room",
        blobs: 1,
        bytes: 40 * kib,
      }),
    );
  });

  test("that fits evicts nothing", async () => {
    await using parts = await startWorld();
    await enter(parts, coming).admit(20 * kib);
    expect(await areHere(parts)).toEqual([true, true]);
  });

  test("larger than all room there is evicts nothing, and is not let in", async () => {
    await using parts = await startWorld();
    const refusal = enter(parts, coming).admit(101 * kib);
    await expect(refusal).rejects.toThrow(NoRoomError);
    await expect(refusal).rejects.toThrow("storage.maxSize");
    expect(await areHere(parts)).toEqual([true, true]);
  });

  test("is not let in where everything else is pinned, and the log says so once", async () => {
    const rules = [rule("docker.io/library/app", { pin: true })];
    await using parts = await startWorld({ limits, rules });
    const { repository } = parsePullName("library/app");
    for (const { digest } of [old, young]) await parts.metadata.link(repository, digest, 1);
    for (const _ of [1, 2]) {
      await expect(enter(parts, coming).admit(40 * kib)).rejects.toThrow(NoRoomError);
    }
    expect(await areHere(parts)).toEqual([true, true]);
    const warnings = parts.logged.filter(({ level }) => level === "warn");
    expect(warnings).toEqual([expect.objectContaining({ pinnedBytes: 80 * kib })]);
    parts.eviction.evictor.pinsChanged();
    await expect(enter(parts, coming).admit(20 * kib)).resolves.toBeUndefined();
  });

  test("lets nothing go where the rest is pinned and it would not be enough", async () => {
    const rules = [rule("docker.io/library/app", { pin: true })];
    await using parts = await startWorld({ limits, rules });
    const { repository } = parsePullName("library/app");
    await parts.metadata.link(repository, old.digest, 1);
    await expect(enter(parts, coming).admit(70 * kib)).rejects.toThrow(NoRoomError);
    expect(await areHere(parts)).toEqual([true, true]);
    await expect(enter(parts, coming).admit(40 * kib)).resolves.toBeUndefined();
    expect(await areHere(parts)).toEqual([true, false]);
  });

  test("that comes first is let in where there is no room for two, and the other one later", async () => {
    await using parts = await RegistryParts.start({ limits });
    const first = enter(parts, coming);
    const second = enter(parts, makeBlob(1));
    const admitted = await Promise.allSettled([first.admit(60 * kib), second.admit(60 * kib)]);
    expect(admitted.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    first.leave({ partial: 0 });
    await expect(second.admit(60 * kib)).resolves.toBeUndefined();
  });

  test("keeps what is on its way from being evicted", async () => {
    await using parts = await startWorld();
    enter(parts, old);
    await enter(parts, coming).admit(40 * kib);
    expect(await areHere(parts)).toEqual([true, false]);
  });

  test("takes over the room of what an earlier one left of its blob", async () => {
    await using parts = await startWorld({ limits: { maxBytes: 125 * kib } });
    await leavePartial(parts, coming, 36 * kib);
    const place = enter(parts, coming, 36 * kib);
    await place.admit(40 * kib);
    expect(await areHere(parts)).toEqual([true, true]);
    place.leave({ partial: 36 * kib });
    expect(parts.eviction.tally.bytes).toBe(116 * kib);
  });

  test("that other downloads leave no room for evicts nothing, and is not let in", async () => {
    await using parts = await startWorld();
    await enter(parts, makeBlob(1)).admit(20 * kib);
    await expect(enter(parts, coming).admit(90 * kib)).rejects.toThrow("beside other downloads");
    expect(await areHere(parts)).toEqual([true, true]);
  });

  test("counts once, whenever the storage is measured", async () => {
    await using parts = await startWorld();
    const { tally } = parts.eviction;
    const place = enter(parts, coming);
    await place.admit(10 * kib);
    await storeBlob(parts, makeBlob(10 * kib), parts.clock.now());
    place.store(10 * kib);
    await tally.measureAnew();
    expect(tally.bytes).toBe(90 * kib);
    place.leave({ stored: 10 * kib });
    expect(tally.bytes).toBe(90 * kib);
  });

  test("finds the room of blobs that have gone by another way", async () => {
    await using parts = await startWorld();
    await enter(parts, makeBlob(1)).admit(20 * kib);
    await parts.metadata.deleteBlob(young.digest);
    await enter(parts, coming).admit(40 * kib);
    expect(await isOnDisk(parts, old)).toBe(true);
  });

  test("that ends while leftovers are listed leaves what it says", async () => {
    await using parts = await RegistryParts.start({ limits });
    const { tally } = parts.eviction;
    const place = enter(parts, coming);
    await leavePartial(parts, coming, 4 * kib);
    const list = parts.blobs.listLeftovers.bind(parts.blobs);
    parts.blobs.listLeftovers = async function* () {
      yield* list();
      place.leave({ partial: 0 });
    };
    await tally.measureAnew();
    expect(tally.bytes).toBe(0);
  });

  test("counts when it is in place", async () => {
    await using parts = await startWorld();
    const place = enter(parts, coming);
    await place.admit(10 * kib);
    place.leave({ stored: 10 * kib });
    expect(parts.eviction.tally.bytes).toBe(90 * kib);
    expect(parts.eviction.tally.incomingBytes).toBe(0);
  });
});

describe("storage.minFree", () => {
  const minFree = { bytes: 100 * kib };

  test("is kept by a download, which evicts for it", async () => {
    await using parts = await startWorld({ limits: { minFree } });
    setSpace(parts, { total: 1024 * kib, free: 120 * kib });
    await enter(parts, coming).admit(40 * kib);
    expect(await areHere(parts)).toEqual([false, true]);
  });

  test("counts what downloads under way will still write", async () => {
    await using parts = await startWorld({ limits: { minFree } });
    setSpace(parts, { total: 1024 * kib, free: 140 * kib });
    await enter(parts, makeBlob(1), 10 * kib).admit(40 * kib);
    expect(await areHere(parts)).toEqual([true, true]);
    await enter(parts, coming).admit(40 * kib);
    expect(await areHere(parts)).toEqual([false, true]);
  });

  test("lets nothing in where it would not fit with all gone, and nothing goes for it", async () => {
    await using parts = await startWorld({ limits: { minFree: { percent: 50 } } });
    setSpace(parts, { total: 1000 * kib, free: 100 * kib });
    await expect(enter(parts, coming).admit(40 * kib)).rejects.toThrow(NoRoomError);
    expect(await areHere(parts)).toEqual([true, true]);
  });

  test("does not evict twice when a deleted file gives its bytes back late", async () => {
    await using parts = await startWorld({ limits: { minFree } });
    parts.blobs.measureSpace = async () => ({ total: 1024 * kib, free: 120 * kib });
    await enter(parts, coming).admit(40 * kib);
    expect(await areHere(parts)).toEqual([false, true]);
  });
});
