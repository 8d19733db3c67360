import { describe, expect, test } from "@jest/globals";
import type { Digest } from "../../../../src/oci/digest.ts";
import { parseNamePattern } from "../../../../src/oci/name-pattern.ts";
import type { RemovedEntry } from "../../../../src/registry/operations/operations.ts";
import { createRemove } from "../../../../src/registry/operations/remove.ts";
import { makeBlob, makeImage, makeImageOf, makeIndex } from "../../../support/images.ts";
import { call, StockedCache } from "./stocked-cache.ts";

const base = makeBlob(500, "base");
const one = makeImageOf([base, makeBlob(100, "one")], "one");
const two = makeImageOf([base, makeBlob(200, "two")], "two");
const index = makeIndex([one, two]);

async function stock(options: Parameters<typeof StockedCache.open>[0] = {}): Promise<StockedCache> {
  const cache = await StockedCache.open(options);
  await cache.addImage("node:1", one);
  await cache.addImage("node:2", two);
  return cache;
}

async function remove(
  cache: StockedCache,
  names: string[],
  { allTags = false } = {},
): Promise<RemovedEntry[]> {
  const deleteBlobs = async (digests: readonly Digest[]) => {
    for (const digest of digests) await cache.blobs.delete(digest);
  };
  const operation = createRemove({ ...cache.stores, deleteBlobs });
  return (await call<"remove">(operation, { names, allTags })).result;
}

async function isHere(cache: StockedCache, digest: Digest): Promise<boolean> {
  const { inventory } = cache.metadata;
  if (await inventory.summarizeManifest(digest)) return true;
  const blob = await inventory.summarizeBlob(digest);
  expect((await cache.blobs.stat(digest)) !== undefined).toBe(blob !== undefined);
  return blob !== undefined;
}

describe("remove", () => {
  test("takes a tag with what nothing else reaches, bytes and all", async () => {
    await using cache = await stock();
    const removed = await remove(cache, ["node:1"]);
    const [, own] = one.layers;
    if (!own) throw new Error("the image has two layers");
    expect(removed).toEqual([
      {
        name: "docker.io/library/node:1",
        tags: 1,
        manifests: 1,
        blobs: 2,
        bytes: one.config.bytes.length + 100,
      },
    ]);
    expect(await isHere(cache, one.manifest.digest)).toBe(false);
    expect(await isHere(cache, own.digest)).toBe(false);
    expect(await isHere(cache, base.digest)).toBe(true);
    expect(await isHere(cache, two.manifest.digest)).toBe(true);
  });

  test("takes a manifest by its digest, with the tags that point to it", async () => {
    await using cache = await stock();
    const digest = one.manifest.digest;
    await cache.addManifest("node:latest", one.manifest);
    const [entry] = await remove(cache, [`node@${digest}`]);
    expect(entry).toMatchObject({
      name: `docker.io/library/node@${digest}`,
      tags: 2,
      manifests: 1,
    });
    expect(await isHere(cache, digest)).toBe(false);
  });

  test("takes a repository with all tags, and with manifests that have none", async () => {
    await using cache = await stock();
    const untagged = makeImage({ seed: "untagged" });
    const redis = makeImage({ seed: "redis" });
    await cache.addImage(`node@${untagged.manifest.digest}`, untagged);
    await cache.addImage("redis:7", redis);
    const [entry] = await remove(cache, ["node"], { allTags: true });
    expect(entry).toMatchObject({
      name: "docker.io/library/node",
      tags: 2,
      manifests: 3,
      blobs: 8,
    });
    expect(await cache.metadata.inventory.listRepositories({ limit: 10 })).toEqual([
      "docker.io/library/redis",
    ]);
    expect(await isHere(cache, redis.manifest.digest)).toBe(true);
  });

  test("takes the same name once, however often it is given", async () => {
    await using cache = await stock();
    expect(await remove(cache, ["node:1", "docker.io/library/node:1"])).toHaveLength(1);
  });

  test.each([
    [["node:1", "node:3"], false, "docker.io/library/node:3 is not here; of that repository"],
    [["node:1", "no"], false, "docker.io/library/no:latest is not here; there is"],
    [["node:1", `node@${index.manifest.digest}`], false, "is not here"],
    [["node:1", base.digest], false, `docker.io/library/node@${base.digest}`],
    [["node:1", `node@${base.digest}`], false, "is a blob"],
    [["node", "redis"], true, "nothing of docker.io/library/redis is here"],
    [["node", "node:1"], true, "name a repository only"],
  ])("of %j takes nothing", async (names, allTags, message) => {
    await using cache = await stock();
    await expect(remove(cache, names, { allTags })).rejects.toThrow(message);
    expect(await isHere(cache, one.manifest.digest)).toBe(true);
  });
});

describe("remove refuses what is pinned", () => {
  test.each([
    ["the tag itself", "node:1", ["node:1"], false],
    ["a digest that only the tag leads to", `node@${one.manifest.digest}`, ["node:1"], false],
    ["a manifest by a tag", "node:1", [`node@${one.manifest.digest}`], false],
    ["a blob that only the tag leads to", `node@${one.config.digest}`, ["node:1"], false],
    [
      "a blob that only the tags together lead to",
      `node@${base.digest}`,
      ["node:1", "node:2"],
      false,
    ],
    ["one of the repository's tags", "node:2", ["node"], true],
    ["a digest within the repository", `node@${two.manifest.digest}`, ["node"], true],
  ])("%s", async (_, pinned, names, allTags) => {
    await using cache = await stock();
    await cache.pin(pinned);
    const removal = remove(cache, names, { allTags });
    const message = expect.stringMatching(
      new RegExp(`entrepot unpin docker.io/library/${pinned}$`),
    );
    await expect(removal).rejects.toMatchObject({ code: "DENIED", message });
    expect(await isHere(cache, one.manifest.digest)).toBe(true);
  });

  test("a manifest below an index that stays", async () => {
    await using cache = await StockedCache.open();
    await cache.addIndex("node:latest", index);
    await cache.pin("node:latest");
    const removal = remove(cache, [`node@${one.manifest.digest}`]);
    await expect(removal).rejects.toThrow("entrepot unpin docker.io/library/node:latest");
  });

  test("by a rule", async () => {
    const pattern = parseNamePattern("docker.io/library/node:1");
    await using cache = await stock({ rules: [{ pattern, place: "x.yaml:7", pin: true }] });
    await expect(remove(cache, ["node:1"])).rejects.toThrow("rule x.yaml:7");
    expect(await remove(cache, ["node:2"])).toHaveLength(1);
  });
});

describe("remove goes on", () => {
  test.each([
    ["a pin that has run out", "node:1", -1],
    ["a pin of another tag", "node:2", undefined],
    ["a pinned blob that another tag keeps", `node@${base.digest}`, undefined],
    ["a pin of what is not here", "node:3", undefined],
  ])("in spite of %s", async (_, pinned, untilMs) => {
    await using cache = await stock();
    await cache.pin(pinned, untilMs === undefined ? undefined : cache.clock.now() + untilMs);
    expect(await remove(cache, ["node:1"])).toMatchObject([{ tags: 1 }]);
  });

  test("in spite of a pinned manifest without a tag that has nothing to do with it", async () => {
    await using cache = await StockedCache.open();
    await cache.addImage(`node@${one.manifest.digest}`, one);
    await cache.addImage(`node@${two.manifest.digest}`, two);
    await cache.pin(`node@${two.manifest.digest}`);
    const [entry] = await remove(cache, [`node@${one.manifest.digest}`]);
    expect(entry).toMatchObject({ manifests: 1 });
    expect(await isHere(cache, two.manifest.digest)).toBe(true);
  });
});
