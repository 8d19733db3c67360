import { describe, expect, test } from "@jest/globals";
import { qualifyName } from "../../../src/oci/repository-name.ts";
import { blobSource, type BlobSource } from "../../../src/registry/blob-source.ts";
import { readResuming } from "../../../src/registry/resuming-body.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import type { Fault } from "../../support/fake-registry-faults.ts";
import { makeBlob } from "../../support/images.ts";
import { app, openUpstream, type OpenedUpstream } from "../upstream/open-upstream.ts";

const blob = makeBlob(200_000);

interface World extends OpenedUpstream {
  registries: FakeRegistry[];
  source: BlobSource;
}

/** So many endpoints that have the blob. */
async function startWorld(count: number): Promise<World> {
  await using starting = new AsyncDisposableStack();
  const registries: FakeRegistry[] = [];
  for (let index = 0; index < count; index += 1) {
    const registry = starting.use(await FakeRegistry.start());
    registry.addBlob(app, blob);
    registries.push(registry);
  }
  const urls = registries.map(({ url }) => url);
  const opened = openUpstream(urls, { retries: 0, stallTimeoutMs: 200 });
  starting.use(opened.upstream);
  const key = qualifyName("registry.example", app);
  const source = blobSource(opened.upstream, { name: app, key }, blob.digest);
  const held = starting.move();
  return { ...opened, registries, source, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function read({ source, clock }: World, start = 0): Promise<Buffer> {
  const { signal } = new AbortController();
  const size = blob.bytes.length;
  const parts: Uint8Array[] = [];
  const body = { source, start, size, limit: () => size, signal, clock };
  await readResuming(body, (chunk) => void parts.push(chunk));
  return Buffer.concat(parts);
}

function ranges({ journal }: FakeRegistry): (string | undefined)[] {
  return journal.entries.map(({ headers }) => headers.range);
}

describe("a body with another endpoint to go on from", () => {
  test.each<[string, Fault]>([
    ["breaks off", { cutAfter: 70_000 }],
    ["stalls", { stallAfter: 70_000 }],
  ])("goes on there at once when it %s", async (_, fault) => {
    await using world = await startWorld(2);
    const [first, second] = world.registries;
    first?.inject({ kind: "blob" }, fault);
    expect((await read(world)).equals(blob.bytes)).toBe(true);
    expect(second && ranges(second)).toEqual(["bytes=70000-"]);
    expect(world.clock.sleeps).toEqual([]);
  });

  test("goes on there when the endpoint dies, and all others before", async () => {
    await using world = await startWorld(3);
    const [first, second, third] = world.registries;
    first?.inject({ kind: "blob" }, { cutAfter: 70_000 });
    second?.inject({ kind: "blob" }, { cutAfter: 50_000 });
    expect((await read(world)).equals(blob.bytes)).toBe(true);
    expect(third && ranges(third)).toEqual(["bytes=120000-"]);
    expect(world.clock.sleeps).toEqual([]);
  });

  test.each<[string, Fault]>([
    ["403", { status: 403 }],
    ["404", { status: 404 }],
    ["416", { status: 416 }],
    ["500", { status: 500 }],
    ["200 with all of it", { ignoreRange: true }],
    ["a blob of another size", { body: Buffer.alloc(90_000) }],
  ])("has every byte once where the next endpoint answers %s", async (_, fault) => {
    await using world = await startWorld(3);
    const [first, second] = world.registries;
    first?.inject({ kind: "blob" }, { cutAfter: 70_000, times: 1 });
    second?.inject({ kind: "blob" }, fault);
    expect((await read(world)).equals(blob.bytes)).toBe(true);
    expect(second?.journal.count()).toBe(1);
  });
});

describe("a body without another endpoint", () => {
  test("is asked for again at once, and then after pauses", async () => {
    await using world = await startWorld(1);
    world.registries[0]?.inject({ kind: "blob" }, { cutAfter: 70_000 });
    expect((await read(world)).equals(blob.bytes)).toBe(true);
    expect(world.clock.sleeps).toEqual([200]);
  });

  test("is given up when nothing more comes", async () => {
    await using world = await startWorld(1);
    const [registry] = world.registries;
    registry?.inject({ kind: "blob" }, { cutAfter: 0 });
    registry?.inject({ kind: "blob" }, { cutAfter: 70_000, times: 1 });
    await expect(read(world)).rejects.toMatchObject({ failure: "unreachable" });
    expect(registry?.journal.count()).toBe(9);
  });
});
