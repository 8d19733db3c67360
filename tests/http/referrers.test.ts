import { describe, expect, test } from "@jest/globals";
import { digestHex } from "../../src/oci/digest.ts";
import { ociIndex } from "../../src/oci/media-type.ts";
import { rule } from "../support/cached-content.ts";
import { listedAs, makeReferrer, makeReferrersIndex } from "../support/fake-registry-referrers.ts";
import { FakeRegistry, type FakeRegistryOptions } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { TestMirror, type Answer, type TestMirrorOptions } from "../support/test-mirror.ts";

const image = makeImage();
const { digest } = image.manifest;
const path = `/v2/library/app/referrers/${digest}`;
const sbomType = { artifactType: "application/spdx+json" };
const signature = makeReferrer(image.manifest, { seed: "signature" });
const sbom = makeReferrer(image.manifest, sbomType);
const tag = `sha256-${digestHex(digest)}`;
const day = 86_400_000;

/** The image was pulled, and upstream has two referrers of it. */
async function startWorld(
  options: FakeRegistryOptions = {},
  mirrorOptions: Partial<TestMirrorOptions> = {},
) {
  await using starting = new AsyncDisposableStack();
  const registry = starting.use(await FakeRegistry.start(options));
  registry.addImage("library/app", "latest", image);
  for (const referrer of [signature, sbom]) registry.addManifest("library/app", referrer);
  const endpoints = [registry.url];
  const mirror = starting.use(await TestMirror.start({ endpoints, ...mirrorOptions }));
  await pull(mirror, "app", "latest", image);
  registry.journal.clear();
  const held = starting.move();
  return { registry, mirror, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function manifestsOf(answer: Answer): unknown {
  return JSON.parse(answer.body.toString()).manifests;
}

describe("GET /v2/<name>/referrers/<digest>", () => {
  test("answers with what upstream lists, with exact type and length, and remembers it", async () => {
    await using world = await startWorld({ auth: {} });
    const answer = await world.mirror.get(path);
    expect(answer.status).toBe(200);
    expect(manifestsOf(answer)).toEqual([listedAs(signature), listedAs(sbom, sbomType)]);
    expect(answer.headers).toMatchObject({
      "content-type": ociIndex,
      "content-length": String(answer.body.length),
      "x-cache": "MISS",
    });
    expect(answer.headers).not.toHaveProperty("oci-filters-applied");
    expect((await world.mirror.get(path)).headers["x-cache"]).toBe("HIT");
    expect(world.registry.journal.count({ kind: "referrers" })).toBe(1);
  });

  test("has no body for HEAD, and the same headers", async () => {
    await using world = await startWorld();
    const { body, headers } = await world.mirror.get(path);
    const head = await world.mirror.head(path);
    expect(head.status).toBe(200);
    expect(head.body.length).toBe(0);
    expect(head.headers["content-length"]).toBe(String(body.length));
    expect(head.headers["content-type"]).toBe(headers["content-type"]);
  });

  test("filters by artifact type, and says so", async () => {
    await using world = await startWorld();
    const asked = encodeURIComponent(sbomType.artifactType);
    const answer = await world.mirror.get(`${path}?artifactType=${asked}`);
    expect(manifestsOf(answer)).toEqual([listedAs(sbom, sbomType)]);
    expect(answer.headers["oci-filters-applied"]).toBe("artifactType");
    expect((await world.mirror.get(path)).headers["x-cache"]).toBe("HIT");
  });

  test("is whole where upstream sends pages", async () => {
    await using world = await startWorld({ referrers: { pageLength: 1 } });
    expect(manifestsOf(await world.mirror.get(path))).toHaveLength(2);
    expect(world.registry.journal.count({ kind: "referrers" })).toBe(2);
  });

  test("is an empty index where nothing refers to the digest, or nobody knows it", async () => {
    await using world = await startWorld();
    const answer = await world.mirror.get(`/v2/library/app/referrers/${sbom.digest}`);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString())).toEqual({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [],
    });
  });

  test("refuses what is no digest", async () => {
    await using world = await startWorld();
    const answer = await world.mirror.get("/v2/library/app/referrers/latest");
    expect(answer.status).toBe(400);
    expect(world.registry.journal.entries).toEqual([]);
  });

  test("refuses what rules deny, and does not ask upstream", async () => {
    await using world = await startWorld();
    const rules = [rule("docker.io/library/app", { deny: "not here" })];
    const endpoints = [world.registry.url];
    await using mirror = await TestMirror.start({ endpoints, rules });
    const answer = await mirror.get(path);
    expect(answer.status).toBe(403);
    expect(answer.body.toString()).toContain("not here");
    expect(world.registry.journal.entries).toEqual([]);
  });

  test("lists what the referrers tag does where upstream has no API", async () => {
    await using world = await startWorld({ referrers: false });
    world.registry.addManifest("library/app", makeReferrersIndex([signature]), tag);
    const answer = await world.mirror.get(path);
    expect(manifestsOf(answer)).toEqual([listedAs(signature)]);
    expect(answer.headers["content-type"]).toBe(ociIndex);
    await world.mirror.get(`/v2/library/app/referrers/${signature.digest}`);
    expect(world.registry.journal.count({ kind: "referrers" })).toBe(1);
  });

  test("gives what upstream last said while that is away", async () => {
    await using world = await startWorld();
    const { body } = await world.mirror.get(path);
    await world.registry.stop();
    world.mirror.clock.advance(day);
    const answer = await world.mirror.get(path);
    expect(answer.body.equals(body)).toBe(true);
    expect(answer.headers).toMatchObject({
      "x-cache": "STALE",
      warning: '299 - "docker.io cannot be reached; this is what it last had"',
    });
    expect(Number(answer.headers["age"])).toBeGreaterThanOrEqual(day / 1000);
  });

  test("gives what is here while upstream is away that was never asked for it", async () => {
    await using world = await startWorld();
    const { mirror, registry } = world;
    await mirror.get(`/v2/library/app/manifests/${sbom.digest}`);
    await registry.stop();
    const answer = await mirror.get(path);
    expect(manifestsOf(answer)).toEqual([listedAs(sbom, sbomType)]);
    expect(answer.headers["x-cache"]).toBe("STALE");
  });

  test("is upstream's failure while nothing is known", async () => {
    await using world = await startWorld();
    await world.registry.stop();
    expect((await world.mirror.get(path)).status).toBe(503);
  });

  test("uses nothing of what it lists", async () => {
    await using world = await startWorld();
    await world.mirror.get(`/v2/library/app/manifests/${sbom.digest}`);
    world.mirror.clock.advance(day);
    await world.mirror.get(path);
    const unused = await world.mirror.list("evict", { olderThanMs: day / 2, dryRun: true });
    expect(unused.map((entry) => entry.digest)).toContain(sbom.digest);
  });
});

describe("cosign's tags", () => {
  const signaturePath = `/v2/library/app/manifests/${tag}.sig`;

  test("are pulled as any tag", async () => {
    await using world = await startWorld({ referrers: false });
    const signed = makeImage({ layers: [100], seed: "signature" });
    world.registry.addImage("library/app", `${tag}.sig`, signed);
    await pull(world.mirror, "app", `${tag}.sig`, signed);
    expect((await world.mirror.get(signaturePath)).headers["x-cache"]).toBe("HIT");
  });

  test.each(["sig", "att", "sbom"])(
    "with ending .%s are unknown where there are none, which is remembered",
    async (ending) => {
      await using world = await startWorld();
      for (let round = 0; round < 3; round += 1) {
        const answer = await world.mirror.get(`/v2/library/app/manifests/${tag}.${ending}`);
        expect(answer.status).toBe(404);
        expect(JSON.parse(answer.body.toString())).toMatchObject({
          errors: [{ code: "MANIFEST_UNKNOWN" }],
        });
      }
      expect(world.registry.journal.summary()).toEqual([`HEAD manifest ${tag}.${ending} 404`]);
    },
  );

  test("are kept when upstream deletes them while what they sign is pinned", async () => {
    await using world = await startWorld();
    const { mirror, registry } = world;
    const signed = makeImage({ layers: [100], seed: "signature" });
    registry.addImage("library/app", `${tag}.sig`, signed);
    await pull(mirror, "app", `${tag}.sig`, signed);
    await mirror.run("pin", { name: "app" });
    registry.deleteTag("library/app", `${tag}.sig`);
    mirror.clock.advance(day);
    expect((await mirror.get(signaturePath)).headers["x-cache"]).toBe("STALE");
    await mirror.run("unpin", { name: "app" });
    mirror.clock.advance(day);
    expect((await mirror.get(signaturePath)).status).toBe(404);
  });

  test("are not evicted while what they sign is pinned", async () => {
    await using world = await startWorld();
    const { mirror, registry } = world;
    const signed = makeImage({ layers: [100], seed: "signature" });
    const other = makeImage({ layers: [100], seed: "other" });
    registry.addImage("library/app", `${tag}.sig`, signed);
    registry.addImage("library/app", "other", other);
    await pull(mirror, "app", `${tag}.sig`, signed);
    await pull(mirror, "app", "other", other);
    await mirror.run("pin", { name: "app" });
    mirror.clock.advance(day);
    await mirror.run("evict", { olderThanMs: 1, dryRun: false });
    await registry.stop();
    await pull(mirror, "app", `${tag}.sig`, signed);
    expect((await mirror.get("/v2/library/app/manifests/other")).status).toBe(503);
  });
});
