import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeBlob, makeImage, makeImageOf, pseudoRandomBytes } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";

const image = makeImage({ layers: [100_000] });
const [layer = image.config] = image.layers;
const secret = makeBlob(50_000, "secret");
const garbage = pseudoRandomBytes(secret.bytes.length, "garbage");

/** A content endpoint, asked first, and the registry itself. */
async function startWorld(options: Partial<TestMirrorOptions> = {}) {
  await using starting = new AsyncDisposableStack();
  const content = starting.use(await FakeRegistry.start());
  const registry = starting.use(await FakeRegistry.start());
  for (const each of [content, registry]) each.addImage("library/app", "latest", image);
  registry.addBlob("library/vault", secret);
  const endpoints = [{ url: content.url, trust: "content" as const }, registry.url];
  const mirror = starting.use(await TestMirror.start({ ...options, endpoints }));
  const held = starting.move();
  return { content, registry, mirror, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

describe("a content endpoint", () => {
  test("that pretends to have a blob gives nobody a right to it", async () => {
    await using world = await startWorld();
    const { content, mirror } = world;
    content.addBlob("library/app", { ...secret, bytes: garbage });
    const asked = `/v2/library/app/blobs/${secret.digest}`;
    expect(await mirror.get(asked)).toMatchObject({ status: 404 });
    const allowed = await mirror.get(`/v2/library/vault/blobs/${secret.digest}`);
    expect(allowed.body.equals(secret.bytes)).toBe(true);
    mirror.clock.advance(60_000);
    expect(await mirror.get(asked)).toMatchObject({ status: 404 });
  });

  test("gives nobody a right to what its manifests refer to", async () => {
    await using world = await startWorld();
    const { content, mirror } = world;
    const made = makeImageOf([secret], "made up");
    content.addImage("library/app", "made-up", made);
    await mirror.get(`/v2/library/vault/blobs/${secret.digest}`);
    await mirror.get(`/v2/library/app/manifests/${made.manifest.digest}`);
    expect(await mirror.get(`/v2/library/app/blobs/${secret.digest}`)).toMatchObject({
      status: 404,
    });
  });

  test("that tells a wrong size of what a manifest describes makes no room for it", async () => {
    await using world = await startWorld({ limits: { maxBytes: 1_000_000 } });
    const { content, registry, mirror } = world;
    const other = makeImage({ layers: [800_000], seed: "other" });
    registry.addImage("library/other", "latest", other);
    await pull(mirror, "library/other", "latest", other);
    await mirror.get("/v2/library/app/manifests/latest");
    const lie = pseudoRandomBytes(900_000, "lie");
    content.inject({ kind: "blob", reference: layer.digest }, { body: lie });
    await mirror.get(`/v2/library/app/blobs/${layer.digest}`).catch(() => undefined);
    const kept = await pull(mirror, "library/other", "latest", other);
    expect(kept.blobs).toEqual(["HIT", "HIT"]);
  });

  test("does not say of which type a manifest is", async () => {
    await using world = await startWorld();
    const { content, mirror } = world;
    const headers = { "content-type": "application/vnd.oci.image.index.v1+json" };
    const { digest, mediaType } = image.manifest;
    const fault = content.inject({ kind: "manifest", reference: digest }, { headers });
    const answer = await mirror.get("/v2/library/app/manifests/latest");
    expect(fault.hits).toBe(1);
    expect(answer.headers["content-type"]).toBe(mediaType);
  });
});
