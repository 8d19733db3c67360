import { describe, expect, test } from "@jest/globals";
import { ociIndex, ociManifest } from "../../src/oci/media-type.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeBlob, makeManifest } from "../support/images.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";

async function startWorld(limits: TestMirrorOptions["limits"] = {}) {
  await using starting = new AsyncDisposableStack();
  const registry = starting.use(await FakeRegistry.start());
  const mirror = starting.use(await TestMirror.start({ endpoints: [registry.url], limits }));
  const held = starting.move();
  return { registry, mirror, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const { mediaType, digest } = makeBlob(1);

function repeat(count: number) {
  return Array.from({ length: count }, () => ({ mediaType, digest, size: 1 }));
}

describe("a blob without an end, of which nobody told the size", () => {
  test("takes no more than the storage may hold, and nothing has to go for it", async () => {
    const [small, endless] = [makeBlob(50_000, "small"), makeBlob(8_000_000, "endless")];
    await using world = await startWorld({ maxBytes: 400_000 });
    const { registry, mirror } = world;
    for (const blob of [small, endless]) registry.addBlob("library/app", blob);
    await mirror.get(`/v2/library/app/blobs/${small.digest}`);
    registry.inject({ reference: endless.digest }, { chunked: true });
    const { status } = await mirror.get(`/v2/library/app/blobs/${endless.digest}`);
    expect(status).toBe(502);
    const again = await mirror.get(`/v2/library/app/blobs/${small.digest}`);
    expect([again.status, again.headers["x-cache"]]).toEqual([200, "HIT"]);
  });
});

describe("a manifest made to keep the mirror busy", () => {
  test("by more references than could be recorded while others wait is refused", async () => {
    await using world = await startWorld();
    const manifest = makeManifest(ociIndex, { manifests: repeat(10_001) });
    world.registry.addManifest("evil/index", manifest, "latest");
    const { status, body } = await world.mirror.get("/v2/evil/index/manifests/latest");
    expect([status, JSON.parse(body.toString()).errors[0].code]).toEqual([502, "UPSTREAM_INVALID"]);
    expect((await world.mirror.run("stats", {})).counts.manifests).toBe(0);
  });

  test("is taken where it has as many as that and no more", async () => {
    await using world = await startWorld();
    const manifest = makeManifest(ociManifest, { layers: repeat(10_000) });
    world.registry.addManifest("large/image", manifest, "latest");
    const answer = await world.mirror.get("/v2/large/image/manifests/latest");
    expect([answer.status, answer.body.equals(manifest.bytes)]).toEqual([200, true]);
  });
});
