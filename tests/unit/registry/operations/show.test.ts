import { describe, expect, test } from "@jest/globals";
import { unlink } from "node:fs/promises";
import { parseNamePattern } from "../../../../src/oci/name-pattern.ts";
import { ociIndex, ociManifest } from "../../../../src/oci/media-type.ts";
import { parseTag } from "../../../../src/oci/reference.ts";
import { createShow } from "../../../../src/registry/operations/show.ts";
import type { ManifestNode, Shown } from "../../../../src/registry/operations/operations.ts";
import { makeImage, makeManifest, type TestImage } from "../../../support/images.ts";
import { blobFile } from "../../../support/storage-files.ts";
import { call, repositoryOf, StockedCache } from "./stocked-cache.ts";

const amd = makeImage({ seed: "amd", layers: [100, 200] });
const arm = makeImage({ seed: "arm", layers: [300] });
const index = makeManifest(ociIndex, {
  manifests: [
    describePart(amd, { os: "linux", architecture: "amd64" }),
    describePart(arm, { os: "linux", architecture: "arm64", variant: "v8" }),
  ],
});
const signature = makeManifest(ociManifest, {
  config: describePart(amd),
  layers: [],
  subject: { mediaType: ociIndex, digest: index.digest, size: index.bytes.length },
});

function describePart({ manifest }: TestImage, platform?: object) {
  const { digest, mediaType, bytes } = manifest;
  return { mediaType, digest, size: bytes.length, ...(platform && { platform }) };
}

async function show(cache: StockedCache, name: string): Promise<Shown> {
  return (await call<"show">(createShow(cache.stores), { name })).result;
}

/** The tree without what belongs to each node alone. */
function outline({ digest, platform, present, manifests, referrers }: ManifestNode): object {
  return {
    digest,
    ...(platform !== undefined && { platform }),
    present,
    ...(manifests.length > 0 && { manifests: manifests.map(outline) }),
    ...(referrers.length > 0 && { referrers: referrers.map(outline) }),
  };
}

describe("show", () => {
  test("tells of a tag when it was asked about, and what the image is made of", async () => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:24", amd);
    const at = cache.clock.now();
    cache.clock.advance(1000);
    expect(await show(cache, "node:24")).toEqual({
      name: "docker.io/library/node:24",
      upstream: "docker.io",
      tag: {
        digest: amd.manifest.digest,
        checkedAt: at,
        changedAt: at,
        freshness: "fresh",
        freshUntil: at + 60_000,
      },
      manifest: {
        digest: amd.manifest.digest,
        mediaType: ociManifest,
        size: amd.manifest.bytes.length,
        present: true,
        createdAt: at,
        usedAt: at,
        blobs: [amd.config, ...amd.layers].map(({ digest, mediaType, bytes }) => ({
          digest,
          mediaType,
          size: bytes.length,
          present: true,
          usedAt: at,
        })),
        manifests: [],
        referrers: [],
      },
      pins: [],
      pinnedByRules: [],
      otherTags: [],
    });
  });

  test("goes down an index by its platforms, over what is absent, and to referrers", async () => {
    await using cache = await StockedCache.open();
    await cache.addManifest("node:24", index);
    await cache.addImage(`node@${arm.manifest.digest}`, arm);
    await cache.addManifest(`node@${signature.digest}`, signature);
    const { manifest } = await show(cache, "node:24");
    expect(manifest && outline(manifest)).toEqual({
      digest: index.digest,
      present: true,
      manifests: [
        { digest: amd.manifest.digest, platform: "linux/amd64", present: false },
        { digest: arm.manifest.digest, platform: "linux/arm64/v8", present: true },
      ],
      referrers: [{ digest: signature.digest, present: true }],
    });
    expect(manifest?.manifests[0]).toMatchObject({ mediaType: ociManifest, blobs: [] });
  });

  test("ends where a referrer holds what it is about", async () => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:24", amd);
    const subject = describePart(amd);
    const round = makeManifest(ociIndex, { manifests: [subject], subject });
    await cache.addManifest(`node@${round.digest}`, round);
    const { manifest } = await show(cache, "node:24");
    const referrer = manifest?.referrers[0];
    expect(referrer?.digest).toBe(round.digest);
    expect(referrer?.manifests).toMatchObject([{ digest: amd.manifest.digest, referrers: [] }]);
  });

  test("tells which layers are not here: without a record, or without a whole file", async () => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:24", amd);
    const [first, second] = amd.layers;
    if (!first || !second) throw new Error("the image has two layers");
    await cache.metadata.deleteBlob(first.digest);
    await unlink(blobFile(cache.path, second.digest));
    const { manifest } = await show(cache, "node:24");
    expect(manifest?.blobs.map(({ present }) => present)).toEqual([true, false, false]);
  });

  test("tells of a tag whose manifest is gone", async () => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:24", amd);
    const { digest } = amd.manifest;
    const at = cache.clock.now();
    await cache.metadata.upkeep.removeManifests([{ usedAt: at, digest }]);
    await cache.metadata.saveTag(repositoryOf("node"), parseTag("24"), digest, at);
    const shown = await show(cache, "node:24");
    expect(shown.tag).toMatchObject({ digest });
    expect(shown).not.toHaveProperty("manifest");
  });

  test.each([
    [0, "fresh"],
    [60_000, "revalidate"],
    [3_600_001, "expired"],
  ])("judges a tag after %d ms: %s", async (ms, freshness) => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:24", amd);
    cache.clock.advance(ms);
    const { tag } = await show(cache, "node:24");
    expect(tag?.freshness).toBe(freshness);
    expect(tag?.freshUntil !== undefined).toBe(freshness === "fresh");
  });

  test("judges a tag by its rules, and names those that pin it", async () => {
    const pattern = parseNamePattern("docker.io/library/*");
    const rules = [{ pattern, place: "mirror.config.yaml:12", pin: true, immutable: true }];
    await using cache = await StockedCache.open({ rules });
    await cache.addImage("node:24", amd);
    cache.clock.advance(90 * 24 * 3_600_000);
    const { tag, pinnedByRules } = await show(cache, "node:24");
    expect(tag?.freshness).toBe("immutable");
    expect(pinnedByRules).toEqual(["mirror.config.yaml:12 (docker.io/library/*)"]);
  });

  test("names the pins that cover it, and its other tags", async () => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:24", amd);
    await cache.addManifest("node:latest", amd.manifest);
    await cache.addManifest("other/app:1", amd.manifest);
    await cache.pin("node:latest");
    await cache.pin("node:23");
    const { pins, otherTags } = await show(cache, "node:24");
    expect(pins).toEqual([
      { name: "docker.io/library/node:latest", createdAt: cache.clock.now(), present: true },
    ]);
    expect(otherTags.toSorted()).toEqual([
      "docker.io/library/node:latest",
      "docker.io/other/app:1",
    ]);
  });

  test("takes a manifest of a repository by its digest, and a digest alone", async () => {
    await using cache = await StockedCache.open();
    await cache.addManifest("node:24", index);
    await cache.addImage(`node@${arm.manifest.digest}`, arm);
    const name = `docker.io/library/node@${arm.manifest.digest}`;
    for (const asked of [name, arm.manifest.digest]) {
      const shown = await show(cache, asked);
      expect(shown).toMatchObject({ name, otherTags: ["docker.io/library/node:24"] });
      expect(shown.manifest?.present).toBe(true);
      expect(shown).not.toHaveProperty("tag");
    }
  });

  test("takes a blob by its digest, and tells whose it is", async () => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:24", amd);
    const { digest } = amd.config;
    const shown = await show(cache, digest);
    expect(shown).toMatchObject({
      name: `docker.io/library/node@${digest}`,
      blob: { digest, size: amd.config.bytes.length, repositories: ["docker.io/library/node"] },
      otherTags: ["docker.io/library/node:24"],
    });
    expect(shown).not.toHaveProperty("manifest");
  });

  test("takes a blob that is linked to no repository", async () => {
    await using cache = await StockedCache.open();
    await cache.addBlob(amd.config);
    const shown = await show(cache, amd.config.digest);
    expect(shown.name).toBe(amd.config.digest);
    expect(shown).not.toHaveProperty("upstream");
  });

  test.each([
    [
      "node:23",
      "MANIFEST_UNKNOWN",
      "docker.io/library/node:23 is not here; of that repository there are the tags 24",
    ],
    [
      "nod",
      "NAME_UNKNOWN",
      "docker.io/library/nod:latest is not here; there is docker.io/library/node",
    ],
    ["redis", "NAME_UNKNOWN", "docker.io/library/redis:latest is not here"],
    [`node@${index.digest}`, "MANIFEST_UNKNOWN", "is not here; of that repository"],
    [`redis@${amd.manifest.digest}`, "NAME_UNKNOWN", "is not here"],
    [index.digest, "MANIFEST_UNKNOWN", "neither manifest nor blob"],
    ["No", "NAME_INVALID", "repository name must be"],
  ])("does not find %s", async (name, code, message) => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:24", amd);
    const shown = show(cache, name);
    const expected = { code, message: expect.stringContaining(message) };
    await expect(shown).rejects.toMatchObject(expected);
  });

  test("refuses what is too much to be shown", async () => {
    await using cache = await StockedCache.open();
    const part = describePart(amd);
    const huge = makeManifest(ociIndex, { manifests: Array.from({ length: 20_001 }, () => part) });
    await cache.addManifest("node:24", huge);
    await expect(show(cache, "node:24")).rejects.toThrow("too much to show");
  });
});
