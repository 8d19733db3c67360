import { appendFile, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { digestHex, digestOf, type Digest } from "../../../../src/oci/digest.ts";
import { Sweep } from "../../../../src/registry/upkeep/sweep.ts";
import type { StoredBlob } from "../../../../src/store/metadata/upkeep-store.ts";
import { makeBlob, type TestBlob } from "../../../support/images.ts";
import { blobFile, listPartials, partialFile } from "../../../support/storage-files.ts";
import { StorageParts } from "../../../support/storage-parts.ts";
import { eventually } from "../../../support/wait.ts";

const kept = makeBlob(1000, "kept");
const stray = makeBlob(2000, "stray");
const lost = makeBlob(3000, "lost");

interface Settings {
  isRebuilt: () => boolean;
  isDownloading: (digest: Digest) => boolean;
}

async function startWorld(settings: Partial<Settings> = {}) {
  await using starting = new AsyncDisposableStack();
  const parts = starting.use(await StorageParts.start());
  // Files are as old as the real time; all of them are from before this process.
  parts.clock.advance(Date.now() + 60_000 - parts.clock.now());
  let adoptions = 0;
  const sweep = new Sweep({
    ...pick(parts),
    isRebuilt: () => false,
    isDownloading: () => false,
    onAdopted: async () => void (adoptions += 1),
    ...settings,
  });
  starting.use(sweep);
  const held = starting.move();
  return {
    parts,
    sweep,
    adoptions: () => adoptions,
    /** Until the summary of that many sweeps. */
    finished: (count = 1) =>
      eventually("the sweep ends", () => {
        const lines = summaries(parts);
        return lines.length === count ? lines : undefined;
      }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function pick(parts: StorageParts) {
  const { blobs, metadata, inventory, upkeep, departures, clock, log } = parts;
  return { blobs, metadata, inventory, upkeep, departures, clock, log };
}

function summaries({ logLines }: StorageParts) {
  return logLines.filter(({ msg }) => msg === "storage swept");
}

async function leavePartial(parts: StorageParts, blob: TestBlob, isSound: boolean): Promise<void> {
  const file = partialFile(parts.path, blob.digest);
  const half = blob.bytes.subarray(0, blob.bytes.length / 2);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, half);
  const record = { size: blob.bytes.length, extents: [[0, half.length]] };
  await writeFile(`${file}.json`, isSound ? JSON.stringify(record) : "garbage");
}

async function listFiles(parts: StorageParts): Promise<Digest[]> {
  const digests: Digest[] = [];
  for await (const digest of parts.blobs.list()) digests.push(digest);
  return digests;
}

function digestsOf(records: StoredBlob[]): Digest[] {
  return records.map(({ digest }) => digest);
}

describe("a sweep", () => {
  test("brings files and records into line, and sums it up in one line", async () => {
    await using world = await startWorld();
    const { parts } = world;
    for (const blob of [kept, lost]) await parts.add(blob, parts.clock.now());
    await rm(blobFile(parts.path, lost.digest));
    await parts.addFile(stray.digest, stray.bytes);
    await leavePartial(parts, makeBlob(5000, "half"), true);
    await leavePartial(parts, makeBlob(5000, "half of nothing"), false);
    world.sweep.start();
    const [summary] = await world.finished();
    expect(summary).toMatchObject({
      level: "info",
      blobs: 1,
      bytes: 1000,
      adopted: 0,
      orphans: 1,
      droppedRecords: 1,
      partialsKept: 1,
      partialsRemoved: 1,
      quarantined: 0,
      failures: 0,
    });
    expect(await listFiles(parts)).toEqual([kept.digest]);
    expect(digestsOf(await parts.listRecords())).toEqual([kept.digest]);
    const half = digestHex(makeBlob(5000, "half").digest);
    expect((await listPartials(parts.path)).every((name) => name.includes(half))).toBe(true);
    expect(parts.logLines).toHaveLength(1);
    expect(world.adoptions()).toBe(0);
  });

  test("leaves what was moved aside", async () => {
    await using world = await startWorld();
    const { parts } = world;
    await parts.addFile(stray.digest, stray.bytes);
    await parts.blobs.quarantine(stray.digest);
    world.sweep.start();
    expect((await world.finished())[0]).toMatchObject({ quarantined: 1, orphans: 0 });
    expect(await parts.listLeftovers()).toEqual([{ kind: "quarantined", digest: stray.digest }]);
  });

  test("leaves files and records of a download under way", async () => {
    const busy = [stray.digest, lost.digest];
    await using world = await startWorld({ isDownloading: (digest) => busy.includes(digest) });
    const { parts } = world;
    await parts.addFile(stray.digest, stray.bytes);
    await leavePartial(parts, stray, false);
    await parts.metadata.saveBlob(lost.digest, { size: 3000, checkedAt: undefined }, 1);
    world.sweep.start();
    expect((await world.finished())[0]).toMatchObject({
      orphans: 0,
      droppedRecords: 0,
      partialsKept: 1,
      partialsRemoved: 0,
    });
    expect(await listFiles(parts)).toEqual([stray.digest]);
    expect(digestsOf(await parts.listRecords())).toEqual([lost.digest]);
  });

  test("leaves a partial blob that was written to since the process began", async () => {
    await using world = await startWorld();
    const { parts } = world;
    parts.clock.advance(-24 * 3_600_000);
    const sweep = new Sweep({
      ...pick(parts),
      isRebuilt: () => false,
      isDownloading: () => false,
      onAdopted: async () => undefined,
    });
    await leavePartial(parts, stray, false);
    sweep.start();
    expect((await world.finished())[0]).toMatchObject({ partialsKept: 1, partialsRemoved: 0 });
    await sweep[Symbol.asyncDispose]();
  });

  test("looks again before it deletes a file or drops a record", async () => {
    await using world = await startWorld();
    const { parts } = world;
    await parts.addFile(stray.digest, stray.bytes);
    await parts.metadata.saveBlob(lost.digest, { size: 3000, checkedAt: undefined }, 1);
    const listBlobs = parts.upkeep.listBlobs.bind(parts.upkeep);
    parts.upkeep.listBlobs = async (page) => {
      const found = await listBlobs(page);
      await parts.add(stray, parts.clock.now());
      await parts.addFile(lost.digest, lost.bytes);
      return found;
    };
    world.sweep.start();
    expect((await world.finished())[0]).toMatchObject({ orphans: 0, droppedRecords: 0 });
    expect((await listFiles(parts)).toSorted()).toEqual([stray.digest, lost.digest].toSorted());
  });

  test("goes on after what it cannot set right", async () => {
    await using world = await startWorld();
    const { parts } = world;
    for (const blob of [kept, lost]) await parts.add(blob, 1);
    for (const blob of [kept, lost]) await rm(blobFile(parts.path, blob.digest));
    // Nobody can say what is there.
    await symlink(blobFile(parts.path, lost.digest), blobFile(parts.path, lost.digest));
    world.sweep.start();
    expect((await world.finished())[0]).toMatchObject({ droppedRecords: 1, failures: 1 });
    expect(parts.logLines.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  test("stops when it is told to, and says nothing", async () => {
    await using world = await startWorld();
    const { parts } = world;
    for (let count = 0; count < 20; count += 1) {
      const blob = makeBlob(10, `stray ${count}`);
      await parts.addFile(blob.digest, blob.bytes);
    }
    world.sweep.start();
    await world.sweep[Symbol.asyncDispose]();
    expect(parts.logLines).toEqual([]);
    expect((await listFiles(parts)).length).toBeGreaterThan(0);
  });
});

describe("a sweep of a storage whose records are lost", () => {
  test("records the files as unchecked, and says so when it is done", async () => {
    await using world = await startWorld({ isRebuilt: () => true });
    const { parts } = world;
    await parts.add(kept, 5);
    await parts.addFile(stray.digest, stray.bytes);
    world.sweep.start();
    expect((await world.finished())[0]).toMatchObject({ blobs: 1, adopted: 1, orphans: 0 });
    expect(world.adoptions()).toBe(1);
    const records = new Map((await parts.listRecords()).map((each) => [each.digest, each]));
    expect(records.get(kept.digest)?.checkedAt).toBe(5);
    expect(records.get(stray.digest)).toMatchObject({ size: 2000, checkedAt: undefined });
  });

  test("goes through all of them again where they are lost while it runs", async () => {
    let isRebuilt = false;
    await using world = await startWorld({ isRebuilt: () => isRebuilt });
    const { parts } = world;
    await parts.add(kept, 5);
    const listBlobs = parts.upkeep.listBlobs.bind(parts.upkeep);
    parts.upkeep.listBlobs = async (page) => {
      if (!isRebuilt) {
        await parts.metadata.deleteBlob(kept.digest);
        isRebuilt = true;
        world.sweep.start();
      }
      return listBlobs(page);
    };
    world.sweep.start();
    await world.finished(2);
    expect(await listFiles(parts)).toEqual([kept.digest]);
    expect(digestsOf(await parts.listRecords())).toEqual([kept.digest]);
    expect(world.adoptions()).toBe(1);
  });

  test("deletes nothing where that is found out by looking", async () => {
    let isRebuilt = false;
    await using world = await startWorld({ isRebuilt: () => isRebuilt });
    const { parts } = world;
    await parts.addFile(stray.digest, stray.bytes);
    const summarize = parts.inventory.summarizeBlob.bind(parts.inventory);
    parts.inventory.summarizeBlob = (digest) => {
      isRebuilt = true;
      return summarize(digest);
    };
    world.sweep.start();
    expect((await world.finished())[0]).toMatchObject({ orphans: 0 });
    expect(world.adoptions()).toBe(0);
    expect(await listFiles(parts)).toEqual([stray.digest]);
  });

  test("leaves it to be done again when some could not be recorded", async () => {
    await using world = await startWorld({ isRebuilt: () => true });
    const { parts } = world;
    await parts.addFile(stray.digest, stray.bytes);
    await parts.metadata[Symbol.asyncDispose]();
    parts.upkeep.listBlobs = async () => [];
    world.sweep.start();
    expect((await world.finished())[0]).toMatchObject({ adopted: 0, failures: 1 });
    expect(world.adoptions()).toBe(0);
  });
});

describe("a sweep of 20,000 files", () => {
  const count = 20_000;

  test("finds the few that are amiss", async () => {
    await using world = await startWorld();
    const { parts } = world;
    const digests = Array.from({ length: count }, (_, index) =>
      digestOf(Buffer.from(String(index))),
    );
    await Promise.all(
      [...new Set(digests.map((each) => dirname(blobFile(parts.path, each))))].map((directory) =>
        mkdir(directory, { recursive: true }),
      ),
    );
    for (let at = 0; at < count; at += 500) {
      const some = digests.slice(at, at + 500);
      await Promise.all(some.map((each) => appendFile(blobFile(parts.path, each), "x")));
      for (const each of some) await parts.metadata.saveBlob(each, { size: 1, checkedAt: 1 }, 1);
    }
    const [withoutFile, withoutRecord] = [digests.slice(0, 7), digests.slice(100, 111)];
    for (const each of withoutFile) await rm(blobFile(parts.path, each));
    for (const each of withoutRecord) await parts.metadata.deleteBlob(each);
    world.sweep.start();
    expect((await world.finished())[0]).toMatchObject({
      blobs: count - 18,
      bytes: count - 18,
      droppedRecords: 7,
      orphans: 11,
      failures: 0,
    });
    const names = await readdir(join(parts.path, "blobs"), { recursive: true });
    expect(names.filter((name) => name.length > 60)).toHaveLength(count - 18);
  }, 60_000);
});
