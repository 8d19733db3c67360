import { readFile, rm, symlink, writeFile } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import type { Digest } from "../../../../src/oci/digest.ts";
import { Scrubber } from "../../../../src/registry/upkeep/scrubber.ts";
import { makeBlob, type TestBlob } from "../../../support/images.ts";
import { blobFile } from "../../../support/storage-files.ts";
import { StorageParts } from "../../../support/storage-parts.ts";
import { eventually, within } from "../../../support/wait.ts";

const hour = 3_600_000;
const day = 24 * hour;
const first = makeBlob(3000, "first");
const second = makeBlob(3000, "second");
const third = makeBlob(3000, "third");

interface Settings {
  bytesPerSecond: number;
  everyMs: number;
  isDownloading: (digest: Digest) => boolean;
}

async function startWorld() {
  await using starting = new AsyncDisposableStack();
  const parts = starting.use(await StorageParts.start());
  const held = starting.move();
  return {
    parts,
    scrub(settings: Partial<Settings> = {}): Scrubber {
      const scrubber = new Scrubber({
        ...pick(parts),
        isDownloading: () => false,
        bytesPerSecond: Infinity,
        everyMs: 30 * day,
        ...settings,
      });
      held.use(scrubber);
      scrubber.start();
      return scrubber;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function pick({ examiner, upkeep, clock, log }: StorageParts) {
  return { examiner, upkeep, clock, log };
}

/** It has done all that was due, and waits. */
async function idle({ clock }: StorageParts): Promise<void> {
  await eventually("the scrubber waits", () => clock.sleepers === 1);
}

async function flip(parts: StorageParts, { digest }: TestBlob): Promise<void> {
  const file = blobFile(parts.path, digest);
  const bytes = await readFile(file);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

describe("the scrubber", () => {
  test("hashes what was never hashed, then the oldest, and leaves what is not due", async () => {
    await using world = await startWorld();
    const { parts } = world;
    const now = parts.clock.now();
    await parts.add(first, now - 31 * day);
    await parts.add(second, now - 40 * day);
    await parts.add(third, undefined);
    await parts.add(makeBlob(10), now - 29 * day);
    const opened = parts.watchOpened();
    world.scrub();
    await idle(parts);
    expect(opened).toEqual([third.digest, second.digest, first.digest]);
    const checkedNow = (await parts.listRecords()).filter(({ checkedAt }) => checkedAt === now);
    expect(checkedNow).toHaveLength(3);
  });

  test("hashes a blob again when it is due", async () => {
    await using world = await startWorld();
    const { parts } = world;
    await parts.add(first, parts.clock.now());
    const opened = parts.watchOpened();
    world.scrub({ everyMs: 90 * 60_000 });
    for (let halfHours = 0; halfHours < 5; halfHours += 1) {
      await idle(parts);
      expect(opened).toHaveLength(halfHours < 4 ? 0 : 1);
      parts.clock.advance(hour / 2);
    }
  });

  test("moves a damaged blob aside, forgets it, and tells", async () => {
    await using world = await startWorld();
    const { parts } = world;
    for (const blob of [first, second]) await parts.add(blob, undefined);
    await flip(parts, first);
    world.scrub();
    await idle(parts);
    expect(await parts.listLeftovers()).toEqual([{ kind: "quarantined", digest: first.digest }]);
    expect(await parts.blobs.stat(first.digest)).toBeUndefined();
    expect((await parts.listRecords()).map(({ digest }) => digest)).toEqual([second.digest]);
    expect(parts.stored.damagedSinceStart).toBe(1);
    const warnings = parts.logLines.filter(({ level }) => level === "warn");
    expect(warnings).toMatchObject([{ digest: first.digest, found: expect.anything() }]);
    expect(warnings[0]?.msg).toContain("has another digest");
  });

  test("drops the record of a blob whose file is gone", async () => {
    await using world = await startWorld();
    const { parts } = world;
    await parts.add(first, undefined);
    await rm(blobFile(parts.path, first.digest));
    world.scrub();
    await idle(parts);
    expect(await parts.listRecords()).toEqual([]);
    expect(parts.logLines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("says nothing of a blob that is evicted while it is hashed", async () => {
    await using world = await startWorld();
    const { parts } = world;
    const large = makeBlob(1024 * 1024);
    await parts.add(large, undefined);
    const opened = parts.watchOpened();
    world.scrub({ bytesPerSecond: 256 * 1024 });
    await eventually("it is being hashed", () => opened.length === 1 && parts.clock.sleepers === 1);
    await parts.metadata.deleteBlob(large.digest);
    await parts.blobs.delete(large.digest);
    for (let seconds = 0; seconds < 4; seconds += 1) {
      await idle(parts);
      parts.clock.advance(1000);
    }
    await idle(parts);
    expect(await parts.listRecords()).toEqual([]);
    expect(parts.logLines).toEqual([]);
  });

  test("does not take a blob that was fetched anew meanwhile for the damaged one", async () => {
    await using world = await startWorld();
    const { parts } = world;
    const large = makeBlob(512 * 1024);
    await parts.add(large, undefined);
    await flip(parts, large);
    world.scrub({ bytesPerSecond: 256 * 1024 });
    await idle(parts);
    await rm(blobFile(parts.path, large.digest));
    await parts.addFile(large.digest, large.bytes);
    await parts.stored.record(large.digest, large.bytes.length);
    await parts.stored.confirm(large.digest);
    parts.clock.advance(1000);
    await idle(parts);
    parts.clock.advance(1000);
    await idle(parts);
    expect(await parts.blobs.stat(large.digest)).toBeDefined();
    expect(await parts.listLeftovers()).toEqual([]);
    expect(parts.stored.damagedSinceStart).toBe(0);
  });

  test("leaves a blob to the download that is bringing it in", async () => {
    await using world = await startWorld();
    const { parts } = world;
    for (const blob of [first, second]) await parts.add(blob, undefined);
    const opened = parts.watchOpened();
    world.scrub({ isDownloading: (digest) => digest === first.digest });
    await idle(parts);
    expect(opened).toEqual([second.digest]);
  });

  test("goes on after a blob that cannot be opened, and tries it again later", async () => {
    await using world = await startWorld();
    const { parts } = world;
    for (const blob of [first, second]) await parts.add(blob, undefined);
    const file = blobFile(parts.path, first.digest);
    await rm(file);
    await symlink(file, file);
    world.scrub();
    await idle(parts);
    const unchecked = (await parts.listRecords()).filter(({ checkedAt }) => !checkedAt);
    expect(unchecked.map(({ digest }) => digest)).toEqual([first.digest]);
    expect(parts.logLines).toMatchObject([{ level: "warn", digest: first.digest }]);
    await rm(file);
    await parts.addFile(first.digest, first.bytes);
    parts.clock.advance(hour);
    await eventually("it is hashed", async () =>
      (await parts.listRecords()).every(({ checkedAt }) => checkedAt !== undefined),
    );
  });

  test("reads no faster than it may, many small blobs included", async () => {
    await using world = await startWorld();
    const { parts } = world;
    for (let count = 0; count < 50; count += 1) await parts.add(makeBlob(1000 + count), undefined);
    await parts.add(makeBlob(1024 * 1024), undefined);
    const begunAt = parts.clock.now();
    world.scrub({ bytesPerSecond: 1024 * 1024 });
    await idle(parts);
    // A small one counts as 64 KiB.
    expect(parts.logLines).toEqual([]);
    const expectedMs = (50 * 64) / 1.024 + 1000;
    expect(parts.clock.now() - begunAt).toBeGreaterThan(expectedMs - 50);
    expect(parts.clock.now() - begunAt).toBeLessThan(expectedMs + 50);
  });

  test("stops at once in the middle of a blob", async () => {
    await using world = await startWorld();
    const { parts } = world;
    await parts.add(first, undefined);
    const scrubber = world.scrub({ bytesPerSecond: 1 });
    await idle(parts);
    await within("it stops", 5000, scrubber[Symbol.asyncDispose]());
    expect((await parts.listRecords())[0]?.checkedAt).toBeUndefined();
    expect(parts.logLines).toEqual([]);
  });

  test("does nothing where it is told never to", async () => {
    await using world = await startWorld();
    const { parts } = world;
    await parts.add(first, undefined);
    const opened = parts.watchOpened();
    world.scrub({ everyMs: Infinity });
    for (let turns = 0; turns < 100; turns += 1) await nextTurn();
    expect([opened, parts.clock.sleepers]).toEqual([[], 0]);
  });
});
