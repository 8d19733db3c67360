import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import type { Fault } from "../support/fake-registry-faults.ts";
import { makeBlob, makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import {
  blobFile,
  listOpenBlobFiles,
  listPartials,
  partialFile,
} from "../support/storage-files.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";

const mib = 1024 * 1024;
const size = 3 * mib;
const blob = makeBlob(size, "a layer");
const path = `/v2/library/app/blobs/${blob.digest}`;
const junk = (length: number) => Buffer.alloc(length, "junk");

/** What an earlier run left: bytes from the blob's start on, and the size it was told. */
interface Leftover {
  bytes: Uint8Array;
  size?: number;
}

async function leave(storage: string, { bytes, ...told }: Leftover): Promise<void> {
  const file = partialFile(storage, blob.digest);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
  await writeFile(`${file}.json`, JSON.stringify({ ...told, extents: [[0, bytes.length]] }));
}

/** A mirror that finds the leftover, and an upstream that has the blob. */
async function startWith(leftover: Leftover, options: Partial<TestMirrorOptions> = {}) {
  await using starting = new AsyncDisposableStack();
  const dir = starting.use(await makeTempDir());
  await leave(dir.path, leftover);
  const registry = starting.use(await FakeRegistry.start());
  registry.addBlob("library/app", blob);
  const endpoints = [registry.url];
  const mirror = await TestMirror.start({ endpoints, storage: dir.path, ...options });
  starting.use(mirror);
  const held = starting.move();
  return { registry, mirror, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

describe("a partial blob that an earlier run left", () => {
  test.each([
    ["half of the blob", blob.bytes.subarray(0, mib)],
    ["all but the last byte", blob.bytes.subarray(0, size - 1)],
    ["the whole blob", blob.bytes],
  ])("with %s costs upstream the rest, and at least a word", async (_, bytes) => {
    for (const told of [{ size }, {}]) {
      await using world = await startWith({ bytes, ...told });
      const answer = await world.mirror.get(path);
      expect(answer.body.equals(blob.bytes)).toBe(true);
      expect(world.registry.journal.summary()).toEqual([`GET blob ${blob.digest} 206`]);
      const sent = world.registry.journal.bytesSent();
      expect(sent).toBeGreaterThan(0);
      expect(sent).toBeLessThanOrEqual(size - bytes.length + 1);
      expect(await listPartials(world.mirror.storage)).toEqual([]);
    }
  });

  test("with the whole blob does not keep the connection that it was asked over", async () => {
    const upstream = { connections: 2 };
    await using world = await startWith({ bytes: blob.bytes, size }, { upstream });
    const other = makeBlob(1000);
    world.registry.addBlob("library/app", other);
    await world.mirror.get(path);
    const answer = await world.mirror.get(`/v2/library/app/blobs/${other.digest}`);
    expect(answer.body.equals(other.bytes)).toBe(true);
  });

  const misfits: [string, Leftover][] = [
    ["longer than the blob, of unknown size", { bytes: junk(size + mib) }],
    ["longer than the blob, of another size", { bytes: junk(size + mib), size: size + 2 * mib }],
    ["as long as the blob, of another size", { bytes: junk(size), size: size + mib }],
    ["shorter than the blob, of another size", { bytes: junk(mib), size: 2 * mib }],
    ["shorter than the blob and whole, as was said", { bytes: junk(mib), size: mib }],
  ];
  const manners: [string, Fault][] = [
    ["", {}],
    [", by an upstream without ranges", { ignoreRange: true }],
  ];
  const cases = misfits.flatMap(([what, left]) =>
    manners.map(([how, fault]) => [what, how, left, fault] as const),
  );

  test.each(cases)("%s is begun anew%s", async (_, _how, leftover, fault) => {
    await using world = await startWith(leftover);
    world.registry.inject({ kind: "blob" }, fault);
    const answer = await world.mirror.get(path);
    expect([answer.status, answer.body.equals(blob.bytes)]).toEqual([200, true]);
  });

  test("that is wrong is told from the blob, also where no size is known", async () => {
    await using world = await startWith({ bytes: junk(size + mib) });
    world.registry.inject({ kind: "blob" }, { chunked: true, ignoreRange: true });
    const refused = await world.mirror.get(path);
    expect(refused.status).toBe(502);
    const answer = await world.mirror.get(path);
    expect([answer.status, answer.body.equals(blob.bytes)]).toEqual([200, true]);
  });

  test("stays when upstream does not have the blob, and is of use when it has it again", async () => {
    await using world = await startWith({ bytes: blob.bytes.subarray(0, 2 * mib), size });
    world.registry.deleteBlob("library/app", blob.digest);
    expect((await world.mirror.get(path)).status).toBe(404);
    expect(await listOpenBlobFiles(world.mirror.storage)).toEqual([]);
    world.registry.addBlob("library/app", blob);
    world.mirror.clock.advance(60_000);
    expect((await world.mirror.get(path)).body.equals(blob.bytes)).toBe(true);
    expect(world.registry.journal.bytesSent({ status: 206 })).toBe(mib);
  });
});

async function addOrphan(storage: string): Promise<void> {
  const file = blobFile(storage, blob.digest);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, blob.bytes);
}

describe("what a kill leaves in the storage", () => {
  const image = makeImage({ layers: [4000, 5000], seed: "app" });
  const [first = image.config] = image.layers;

  test("is set right after the start, and summed up in one line", async () => {
    await using registry = await FakeRegistry.start();
    registry.addImage("library/app", "latest", image);
    await using dir = await makeTempDir();
    const options = { endpoints: [registry.url], storage: dir.path };
    {
      await using mirror = await TestMirror.start(options);
      await pull(mirror, "app", "latest", image);
    }
    await addOrphan(dir.path);
    await rm(blobFile(dir.path, first.digest));
    await leave(dir.path, { bytes: junk(1000) });
    await writeFile(`${partialFile(dir.path, blob.digest)}.json`, "not a record");
    await using mirror = await TestMirror.start(options);
    const summary = await eventually("the storage is swept", () =>
      mirror.log.find(({ msg }) => msg === "storage swept"),
    );
    expect(summary).toMatchObject({ blobs: 2, orphans: 1, droppedRecords: 1, partialsRemoved: 1 });
    expect(existsSync(blobFile(dir.path, blob.digest))).toBe(false);
    expect(await listPartials(dir.path)).toEqual([]);
    expect((await pull(mirror, "app", "latest", image)).blobs).toEqual(["HIT", "MISS", "HIT"]);
  });

  test("is served from all the same where the records are lost with it", async () => {
    await using registry = await FakeRegistry.start();
    registry.addBlob("library/app", blob);
    await using dir = await makeTempDir();
    await addOrphan(dir.path);
    await using mirror = await TestMirror.start({ endpoints: [registry.url], storage: dir.path });
    await eventually("the storage is swept", () =>
      mirror.log.find(({ msg, adopted }) => msg === "storage swept" && adopted === 1),
    );
    expect((await mirror.get(path)).headers["x-cache"]).toBe("REVALIDATED");
    expect(registry.journal.bytesSent({ kind: "blob" })).toBe(0);
  });
});
