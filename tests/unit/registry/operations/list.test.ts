import { describe, expect, test } from "@jest/globals";
import { parseNamePattern } from "../../../../src/oci/name-pattern.ts";
import { createListings } from "../../../../src/registry/operations/list.ts";
import { makeBlob, makeImage, makeImageOf, makeIndex } from "../../../support/images.ts";
import { call, StockedCache } from "./stocked-cache.ts";

const base = makeBlob(500, "base");
const one = makeImageOf([base, makeBlob(100, "one")], "one");
const two = makeImageOf([base, makeBlob(200, "two")], "two");
const redis = makeImage({ seed: "redis" });

async function stock(options: Parameters<typeof StockedCache.open>[0] = {}): Promise<StockedCache> {
  const cache = await StockedCache.open(options);
  await cache.addImage("node:1", one);
  await cache.addImage("node:2", two);
  await cache.addImage("bitnami/redis:7", redis);
  return cache;
}

function digestsOf(...blobs: { digest: string }[]): string[] {
  return [...new Set(blobs.map(({ digest }) => digest))].toSorted();
}

describe("listRepositories", () => {
  test("tells of each what is here of it", async () => {
    await using cache = await stock();
    const { listRepositories } = createListings(cache.stores);
    const { events, result } = await call<"listRepositories">(listRepositories, {});
    expect(result).toEqual({ count: 2 });
    const parts = [one.manifest, two.manifest, one.config, two.config, ...one.layers];
    const bytes = parts.reduce((sum, part) => sum + part.bytes.length, 200);
    expect(events).toEqual([
      expect.objectContaining({ name: "docker.io/bitnami/redis", tags: 1, manifests: 1, blobs: 3 }),
      {
        name: "docker.io/library/node",
        tags: 2,
        manifests: 2,
        blobs: 5,
        size: bytes,
        usedAt: cache.clock.now(),
      },
    ]);
  });

  test.each([
    ["node", ["docker.io/library/node"]],
    ["node:1", ["docker.io/library/node"]],
    ["node:3", []],
    ["**:7*", ["docker.io/bitnami/redis"]],
    ["docker.io", ["docker.io/bitnami/redis", "docker.io/library/node"]],
    ["quay.io", []],
  ])("narrowed to %s finds %j", async (pattern, expected) => {
    await using cache = await stock();
    const { listRepositories } = createListings(cache.stores);
    const { events, result } = await call<"listRepositories">(listRepositories, { pattern });
    expect(events.map(({ name }) => name)).toEqual(expected);
    expect(result.count).toBe(expected.length);
  });

  test("ends when whoever asked has gone", async () => {
    await using cache = await stock();
    const { listRepositories } = createListings(cache.stores);
    const gone = AbortSignal.abort(new Error("gone"));
    await expect(call<"listRepositories">(listRepositories, {}, gone)).rejects.toThrow("gone");
  });

  test("says what is wrong with a pattern", async () => {
    await using cache = await stock();
    const { listRepositories } = createListings(cache.stores);
    const listing = call<"listRepositories">(listRepositories, { pattern: "No//de" });
    await expect(listing).rejects.toMatchObject({ code: "NAME_INVALID" });
  });
});

describe("listTags", () => {
  test("tells of each what it points to, how large that is, and when it was asked about", async () => {
    await using cache = await stock();
    const { listTags } = createListings(cache.stores);
    const { events } = await call<"listTags">(listTags, { pattern: "node:1" });
    const at = cache.clock.now();
    const parts = [one.manifest, one.config, ...one.layers];
    expect(events).toEqual([
      {
        name: "docker.io/library/node:1",
        digest: one.manifest.digest,
        size: parts.reduce((sum, part) => sum + part.bytes.length, 0),
        usedAt: at,
        checkedAt: at,
        changedAt: at,
        pinned: false,
      },
    ]);
  });

  test("comes in the order of names, however many there are", async () => {
    await using cache = await StockedCache.open();
    const names = Array.from({ length: 120 }, (_, index) => `t${String(index).padStart(3, "0")}`);
    for (const name of names) await cache.addManifest(`node:${name}`, one.manifest);
    const { listTags } = createListings(cache.stores);
    const { events, result } = await call<"listTags">(listTags, {});
    expect(events.map(({ name }) => name)).toEqual(
      names.map((name) => `docker.io/library/node:${name}`),
    );
    expect(result.count).toBe(120);
  });

  test("tells which are pinned: by a pin, or by a rule", async () => {
    const pattern = parseNamePattern("docker.io/bitnami/**");
    await using cache = await stock({ rules: [{ pattern, place: "x.yaml:1", pin: true }] });
    await cache.pin("node:2");
    const { listTags } = createListings(cache.stores);
    const { events } = await call<"listTags">(listTags, {});
    expect(events.map(({ name, pinned }) => [name, pinned])).toEqual([
      ["docker.io/bitnami/redis:7", true],
      ["docker.io/library/node:1", false],
      ["docker.io/library/node:2", true],
    ]);
  });
});

describe("listBlobs", () => {
  test("tells of each its size, its times, and who shares it", async () => {
    await using cache = await stock();
    await cache.link("other/app", base.digest);
    const { listBlobs } = createListings(cache.stores);
    const { events } = await call<"listBlobs">(listBlobs, { pattern: base.digest });
    const at = cache.clock.now();
    expect(events).toEqual([
      {
        digest: base.digest,
        size: 500,
        createdAt: at,
        usedAt: at,
        checkedAt: at,
        repositories: ["docker.io/library/node", "docker.io/other/app"],
      },
    ]);
  });

  test.each([
    [undefined, [one, two, redis]],
    ["docker.io", [one, two, redis]],
    ["node", [one, two]],
    ["node:1", [one]],
    ["node:*", [one, two]],
    ["bitnami/*", [redis]],
    ["quay.io", []],
  ])("of %s", async (pattern, images) => {
    await using cache = await stock();
    const { listBlobs } = createListings(cache.stores);
    const args = pattern === undefined ? {} : { pattern };
    const { events, result } = await call<"listBlobs">(listBlobs, args);
    const expected = digestsOf(...images.flatMap(({ config, layers }) => [config, ...layers]));
    expect(events.map(({ digest }) => digest)).toEqual(expected);
    expect(result.count).toBe(expected.length);
  });

  test("of a tag takes what is below its index, and only what is here", async () => {
    await using cache = await StockedCache.open();
    const index = makeIndex([one, two]);
    await cache.addManifest("node:latest", index.manifest);
    await cache.addImage(`node@${one.manifest.digest}`, one);
    const { listBlobs } = createListings(cache.stores);
    const { events } = await call<"listBlobs">(listBlobs, { pattern: "node:latest" });
    expect(events.map(({ digest }) => digest)).toEqual(digestsOf(one.config, ...one.layers));
  });

  test("holds those of no repository only where nothing narrows it", async () => {
    await using cache = await StockedCache.open();
    await cache.addBlob(base);
    const { listBlobs } = createListings(cache.stores);
    expect((await call<"listBlobs">(listBlobs, {})).result.count).toBe(1);
    expect((await call<"listBlobs">(listBlobs, { pattern: "**" })).result.count).toBe(0);
  });
});
