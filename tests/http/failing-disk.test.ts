import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import type { Fault } from "../support/fake-registry-faults.ts";
import { makeBlob } from "../support/images.ts";
import {
  blobFile,
  listOpenBlobFiles,
  listPartials,
  partialFile,
} from "../support/storage-files.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";

const mib = 1024 * 1024;
const blob = makeBlob(3 * mib, "a layer");
const path = `/v2/library/app/blobs/${blob.digest}`;
const day = 24 * 3_600_000;

/** A mirror on a disk to be broken, and upstreams that have the blob. */
async function startWorld(options: { faults?: Fault[]; breakDisk?: Break } = {}) {
  const { faults = [{}], breakDisk } = options;
  await using starting = new AsyncDisposableStack();
  const dir = starting.use(await makeTempDir());
  const registries: FakeRegistry[] = [];
  for (const fault of faults) {
    const registry = starting.use(await FakeRegistry.start());
    registry.addBlob("library/app", blob);
    registry.inject({ kind: "blob", method: "GET" }, fault);
    registries.push(registry);
  }
  const endpoints = registries.map(({ url }) => url);
  const mirror = starting.use(await TestMirror.start({ endpoints, storage: dir.path }));
  await breakDisk?.(dir.path);
  const held = starting.move();
  return { registries, mirror, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

type Break = (storage: string) => Promise<void>;

/** What is written there finds no space; reading back gives zeros. */
const fillDisk: Break = (storage) => symlink("/dev/full", partialFile(storage, blob.digest));

/** No partial blob can be begun. */
const refusePartials: Break = async (storage) => {
  await rm(join(storage, "partial"), { recursive: true });
  await writeFile(join(storage, "partial"), "");
};

/** It can be opened, but not read. */
const makeUnreadable: Break = async (storage) => {
  await mkdir(blobFile(storage, blob.digest), { recursive: true });
};

/** The blob cannot be moved to its place. */
const occupyPlace: Break = async (storage) => {
  const directory = dirname(blobFile(storage, blob.digest));
  await mkdir(dirname(directory), { recursive: true });
  await writeFile(directory, "");
};

const unreadableRecord: Break = async (storage) => {
  await mkdir(`${partialFile(storage, blob.digest)}.json`);
};

const breaks: [string, Break][] = [
  ["is full", fillDisk],
  ["takes no partial blobs", refusePartials],
  ["does not give back what it has", makeUnreadable],
  ["does not give back what it knows of a partial blob", unreadableRecord],
];

describe("while the disk", () => {
  test.each(breaks)(
    "%s, a client gets the blob whole, and no file stays open",
    async (_, breakDisk) => {
      await using world = await startWorld({ breakDisk });
      const answer = await world.mirror.get(path);
      expect([answer.status, answer.body.equals(blob.bytes)]).toEqual([200, true]);
      await eventually("no file is open", async () => {
        const open = await listOpenBlobFiles(world.mirror.storage);
        return open.length === 0;
      });
    },
  );

  test.each(breaks)("%s, ranges are served", async (_, breakDisk) => {
    await using world = await startWorld({ breakDisk });
    const answer = await world.mirror.get(path, { range: `bytes=${mib}-${2 * mib - 1}` });
    expect(answer.status).toBe(206);
    expect(answer.body.equals(blob.bytes.subarray(mib, 2 * mib))).toBe(true);
  });

  test.each(breaks)(
    "%s, a blob with a wrong digest never is whole, and the next endpoint is asked next",
    async (_, breakDisk) => {
      const faults = [{ flipByteAt: 5 }, {}];
      await using world = await startWorld({ breakDisk, faults });
      await expect(world.mirror.get(path)).rejects.toThrow();
      const answer = await world.mirror.get(path);
      expect([answer.status, answer.body.equals(blob.bytes)]).toEqual([200, true]);
    },
  );

  test("takes no partial blobs, an empty answer is not taken for the blob", async () => {
    const faults = [{ body: "" }, {}];
    await using world = await startWorld({ breakDisk: refusePartials, faults });
    expect((await world.mirror.get(path)).status).toBe(502);
    expect((await world.mirror.get(path)).body.equals(blob.bytes)).toBe(true);
  });

  test("does not give back what it has, the log says so", async () => {
    await using world = await startWorld({ breakDisk: makeUnreadable });
    const { mirror } = world;
    await mirror.get(path);
    const line = mirror.log.find(({ level }) => level === "warn");
    expect(line).toMatchObject({ digest: blob.digest, err: { type: "StorageError" } });
  });

  test("is full, nothing is left on it", async () => {
    await using world = await startWorld({ breakDisk: fillDisk });
    await world.mirror.get(path);
    expect(await listPartials(world.mirror.storage)).toEqual([]);
  });

  test("takes no partial blobs, a client that leaves ends what is sent for it alone", async () => {
    const faults = [{ stallAfter: mib }];
    await using world = await startWorld({ breakDisk: refusePartials, faults });
    const { body } = await world.mirror.open(path);
    for await (const _ of body) break;
    await eventually("upstream is let go", () =>
      world.registries.every(({ journal }) => journal.entries.every(({ ended }) => ended)),
    );
  });
});

describe("a disk that fails at the last step", () => {
  test("keeps no client from the whole blob, nor the bytes from being used later", async () => {
    await using world = await startWorld();
    const { mirror, registries } = world;
    const stall = registries[0]?.inject({ kind: "blob" }, { stallAfter: mib, times: 1 });
    const pulling = mirror.get(path);
    await stall?.reached;
    await occupyPlace(mirror.storage);
    stall?.release();
    expect((await pulling).body.equals(blob.bytes)).toBe(true);
    await rm(dirname(blobFile(mirror.storage, blob.digest)));
    mirror.clock.advance(60_000);
    expect((await mirror.get(path)).headers["x-cache"]).toBe("MISS");
    expect(registries[0]?.journal.bytesSent({ status: 206 })).toBe(1);
    expect((await mirror.get(path)).headers["x-cache"]).toBe("HIT");
  });
});

describe("a clock that is set back", () => {
  test("does not make the mirror avoid its disk for longer", async () => {
    await using world = await startWorld({ breakDisk: fillDisk });
    const { mirror } = world;
    await mirror.get(path);
    mirror.clock.setBack(day);
    mirror.clock.advance(10_000);
    expect((await mirror.get(path)).headers["x-cache"]).toBe("MISS");
    expect((await mirror.get(path)).headers["x-cache"]).toBe("HIT");
  });

  test("does not make it believe in a 404 for longer", async () => {
    await using registry = await FakeRegistry.start();
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const paths = [path, "/v2/library/app/manifests/latest"];
    for (const missing of paths) expect((await mirror.get(missing)).status).toBe(404);
    mirror.clock.setBack(day);
    mirror.clock.advance(15_000);
    const asked = registry.journal.entries.length;
    for (const missing of paths) expect((await mirror.get(missing)).status).toBe(404);
    expect(registry.journal.entries.length).toBe(2 * asked);
  });
});
