import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { blobSource } from "../../../src/registry/blob-source.ts";
import type { Download } from "../../../src/registry/download.ts";
import { Downloads } from "../../../src/registry/downloads.ts";
import type { Fault } from "../../support/fake-registry-faults.ts";
import { makeBlob } from "../../support/images.ts";
import { isOnDisk, storeBlob } from "../../support/cached-content.ts";
import { mirroredName, RegistryParts } from "../../support/registry-parts.ts";
import { listOpenBlobFiles, partialFile } from "../../support/storage-files.ts";
import { eventually } from "../../support/wait.ts";

const blob = makeBlob(200_000);
const app = mirroredName("library/app");

function begin(parts: RegistryParts, digest = blob.digest): Promise<Download> {
  return parts.downloads.join(blobSource(parts.upstream, app, digest), undefined);
}

/** Puts something in the place of the partial blob that is not so easily removed. */
async function makeIrremovable(storage: string): Promise<void> {
  const path = partialFile(storage, blob.digest);
  await rm(path);
  await mkdir(join(path, "directory"), { recursive: true });
}

async function forget(): Promise<void> {
  // Nobody asks for the blob again.
}

describe("a download whose remains cannot be removed", () => {
  test.each<[string, Fault]>([
    ["upstream does not have the blob", { status: 404 }],
    ["upstream refuses", { status: 403 }],
    ["upstream sends other bytes", { flipByteAt: 0 }],
  ])("is over all the same when %s", async (_, fault) => {
    await using parts = await RegistryParts.start();
    parts.registry.addBlob("library/app", blob);
    const hold = parts.registry.inject({ kind: "blob" }, { hold: true, ...fault });
    const download = await begin(parts);
    await hold.reached;
    await makeIrremovable(parts.storage);
    hold.release();
    await expect(download.finished).resolves.toBeUndefined();
    expect(parts.downloads.storageFailure?.message).toContain("removing a partial blob failed");
    expect(await listOpenBlobFiles(parts.storage)).toEqual([]);
  });
});

describe("Downloads", () => {
  test("have one download a digest, and a new one only when the old one is over", async () => {
    await using parts = await RegistryParts.start();
    const hold = parts.registry.inject({ kind: "blob" }, { hold: true, times: 1 });
    const [first, second] = await Promise.all([begin(parts), begin(parts)]);
    expect(second).toBe(first);
    await hold.reached;
    hold.release();
    expect(await first.opened).toEqual({ kind: "absent" });
    await first.finished;
    expect(first.isOver).toBe(true);
    expect(await begin(parts)).not.toBe(first);
  });

  test("find a blob that came while its download was being asked for", async () => {
    await using parts = await RegistryParts.start();
    parts.registry.addBlob("library/app", blob);
    const first = await begin(parts);
    await first.finished;
    const second = await begin(parts);
    expect(await second.opened).toEqual({ kind: "stored" });
    expect(second.read()).toBeUndefined();
    expect(parts.registry.journal.entries).toHaveLength(1);
  });

  test("do not wait for room once they are being stopped", async () => {
    await using parts = await RegistryParts.start();
    parts.registry.addBlob("library/app", blob);
    const asked = Promise.withResolvers<void>();
    const { clock, log, blobs, departures } = parts;
    const place = {
      check: () => undefined,
      admit: () => {
        asked.resolve();
        return Promise.withResolvers<void>().promise;
      },
      store: () => undefined,
      leave: () => undefined,
    };
    const room = { enter: () => place, relieve: async () => false };
    const hooks = { onStored: forget, onDurable: forget };
    const downloads = new Downloads({ blobs, clock, log, departures, room, ...hooks });
    const download = await downloads.join(blobSource(parts.upstream, app, blob.digest), undefined);
    const refusal = expect(download.opened).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await asked.promise;
    await downloads[Symbol.asyncDispose]();
    await refusal;
  });

  test("begin nothing once they are being stopped", async () => {
    await using parts = await RegistryParts.start();
    const hold = parts.registry.inject({ kind: "blob" }, { hold: true });
    const running = await begin(parts);
    await hold.reached;
    const refusal = expect(running.opened).rejects.toMatchObject({ code: "UNAVAILABLE" });
    const stopped = parts.downloads[Symbol.asyncDispose]();
    const other = makeBlob(10);
    await expect(begin(parts, other.digest)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await stopped;
    await refusal;
    expect(parts.downloads.find(blob.digest)).toBeUndefined();
  });
});

describe("a list of downloads", () => {
  test("tells what is under way, and how far it is", async () => {
    await using parts = await RegistryParts.start();
    parts.registry.addBlob("library/app", blob);
    const stall = parts.registry.inject({ kind: "blob" }, { stallAfter: 50_000 });
    const startedAt = parts.clock.now();
    const download = await begin(parts);
    await eventually("some has come", () => (parts.downloads.list()[0]?.received ?? 0) > 0);
    expect(parts.downloads.list()).toEqual([
      {
        digest: blob.digest,
        repository: app.key,
        size: 200_000,
        received: expect.any(Number),
        startedAt: expect.any(Number),
      },
    ]);
    expect(parts.downloads.list()[0]?.startedAt).toBeGreaterThanOrEqual(startedAt);
    stall.release();
    await download.finished;
    expect(parts.downloads.list()).toEqual([]);
  });
});

describe("a download that has no room", () => {
  const limits = { maxBytes: 100_000 };

  test("fails before upstream is asked where the size is known, and is no failure of the disk", async () => {
    await using parts = await RegistryParts.start({ limits });
    parts.registry.addBlob("library/app", blob);
    const source = blobSource(parts.upstream, app, blob.digest);
    const download = await parts.downloads.join(source, 200_000);
    await expect(download.opened).rejects.toThrow("storage.maxSize is 100000");
    await download.finished;
    expect(parts.registry.journal.entries).toEqual([]);
    expect(parts.downloads.storageFailure).toBeUndefined();
    expect(parts.logged).toEqual([
      expect.objectContaining({ level: "warn", digest: blob.digest, size: 200_000 }),
    ]);
  });

  test("leaves nothing behind where only upstream tells the size", async () => {
    await using parts = await RegistryParts.start({ limits });
    parts.registry.addBlob("library/app", blob);
    const download = await begin(parts);
    await expect(download.opened).rejects.toThrow("storage.maxSize");
    await download.finished;
    expect(parts.eviction.tally.bytes).toBe(0);
    expect(await isOnDisk(parts, blob)).toBe(false);
    expect(await listOpenBlobFiles(parts.storage)).toEqual([]);
  });

  test("is not kept where its end tells the size", async () => {
    await using parts = await RegistryParts.start({ limits });
    parts.registry.addBlob("library/app", blob);
    parts.registry.inject({ kind: "blob" }, { chunked: true });
    const download = await begin(parts);
    await download.finished;
    expect(await isOnDisk(parts, blob)).toBe(false);
    expect(parts.eviction.tally.bytes).toBe(0);
  });
});

describe("a download onto a full disk", () => {
  test("evicts as much as it needs, and the next one is tried at once", async () => {
    await using parts = await RegistryParts.start();
    const old = makeBlob(200_000, "old");
    const next = makeBlob(1000, "next");
    await storeBlob(parts, old, parts.clock.now());
    for (const each of [blob, next]) parts.registry.addBlob("library/app", each);
    await mkdir(join(parts.storage, "partial"), { recursive: true });
    await symlink("/dev/full", partialFile(parts.storage, blob.digest));
    const download = await begin(parts);
    await download.finished;
    expect(parts.downloads.storageFailure?.failure).toBe("full");
    await eventually("room is made", async () => !(await isOnDisk(parts, old)));
    await eventually("another one begins", () => begin(parts, next.digest).catch(() => undefined));
    await parts.downloads.find(next.digest)?.finished;
    expect(await isOnDisk(parts, next)).toBe(true);
  });

  test("leaves the disk alone for a while where nothing can be evicted", async () => {
    await using parts = await RegistryParts.start();
    parts.registry.addBlob("library/app", blob);
    await mkdir(join(parts.storage, "partial"), { recursive: true });
    await symlink("/dev/full", partialFile(parts.storage, blob.digest));
    await (
      await begin(parts)
    ).finished;
    await parts.eviction.room.relieve(1);
    await expect(begin(parts, makeBlob(1).digest)).rejects.toThrow("ENOSPC");
  });
});

describe("a download of a blob that is being evicted", () => {
  test("begins when the old file has gone, and keeps the new one", async () => {
    await using parts = await RegistryParts.start();
    parts.registry.addBlob("library/app", blob);
    await storeBlob(parts, blob, parts.clock.now());
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const remove = parts.blobs.delete.bind(parts.blobs);
    parts.blobs.delete = async (digest) => {
      reached.resolve();
      await gate.promise;
      return remove(digest);
    };
    const evicting = parts.eviction.room.relieve(1);
    await reached.promise;
    const beginning = begin(parts);
    expect([parts.downloads.isLeaving(blob.digest), parts.downloads.list()]).toEqual([true, []]);
    gate.resolve();
    const download = await beginning;
    expect(await evicting).toBe(true);
    expect(await download.opened).toEqual({ kind: "coming", size: 200_000 });
    await download.finished;
    expect(await isOnDisk(parts, blob)).toBe(true);
    expect((await parts.metadata.findBlob(app.key, blob.digest)).content?.size).toBe(200_000);
    expect(parts.eviction.tally.bytes).toBe(200_000);
  });
});
