import { describe, expect, test } from "@jest/globals";
import { digestOf } from "../../../src/oci/digest.ts";
import { maxManifestBytes, type Manifest } from "../../../src/oci/manifest.ts";
import { dockerManifest } from "../../../src/oci/media-type.ts";
import { parseReference } from "../../../src/oci/reference.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import type { Fault } from "../../support/fake-registry-faults.ts";
import { makeImage, makeManifest } from "../../support/images.ts";
import { app, latest, openUpstream, type OpenedUpstream } from "./open-upstream.ts";

const image = makeImage();
const byDigest = parseReference(image.manifest.digest);

async function startRegistry(fault?: Fault, method?: string): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start();
  registry.addImage(app, "latest", image);
  if (fault) registry.inject({ kind: "manifest", ...(method && { method }) }, fault);
  return registry;
}

async function expectInvalid({ upstream }: OpenedUpstream): Promise<void> {
  await expect(upstream.getManifest(app, latest)).rejects.toMatchObject({ failure: "invalid" });
}

function expectSame(found: Manifest | undefined): void {
  expect({ ...found, bytes: Buffer.from(found?.bytes ?? []) }).toEqual(image.manifest);
}

describe("headManifest", () => {
  test("brings no manifest along where HEAD is enough", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url);
    const head = await opened.upstream.headManifest(app, latest);
    expect(head).toEqual({ digest: image.manifest.digest, manifest: undefined });
    expect(registry.journal.summary()).toEqual(["HEAD manifest latest 200"]);
  });

  test.each([400, 403, 405, 501])(
    "gets the manifest where HEAD is refused with %i",
    async (status) => {
      await using registry = await startRegistry({ status }, "HEAD");
      await using opened = openUpstream(registry.url);
      const head = await opened.upstream.headManifest(app, latest);
      expect(head?.digest).toBe(image.manifest.digest);
      expectSame(head?.manifest);
      expect(registry.journal.count()).toBe(2);
    },
  );

  test.each([
    ["no digest", undefined],
    ["a malformed digest", "sha256:abc"],
    ["a digest of an unknown algorithm", "md5:d41d8cd98f00b204e9800998ecf8427e"],
  ])("gets the manifest where HEAD brings %s", async (_, digest) => {
    await using registry = await startRegistry({ headers: { "docker-content-digest": digest } });
    await using opened = openUpstream(registry.url);
    const head = await opened.upstream.headManifest(app, latest);
    expect(head?.digest).toBe(image.manifest.digest);
    expectSame(head?.manifest);
  });

  test("does not believe another digest than the one it asked for", async () => {
    const other = makeImage({ seed: "other" }).manifest.digest;
    await using registry = await startRegistry({ headers: { "docker-content-digest": other } });
    await using opened = openUpstream(registry.url);
    expect((await opened.upstream.headManifest(app, byDigest))?.digest).toBe(image.manifest.digest);
  });

  test("is undefined where HEAD is refused and GET says 404", async () => {
    await using registry = await startRegistry({ status: 405 }, "HEAD");
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.headManifest(app, parseReference("absent"))).toBeUndefined();
  });

  test("is denied where GET is, too", async () => {
    await using registry = await startRegistry({ status: 403 });
    await using opened = openUpstream(registry.url);
    await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
      failure: "denied",
    });
  });
});

describe("getManifest", () => {
  test("takes the digest of the bytes where upstream tells none", async () => {
    await using registry = await startRegistry({ headers: { "docker-content-digest": undefined } });
    await using opened = openUpstream(registry.url);
    expectSame(await opened.upstream.getManifest(app, latest));
  });

  test("checks by the algorithm that was asked for", async () => {
    const { mediaType, bytes } = image.manifest;
    const manifest = { mediaType, bytes, digest: digestOf(bytes, "sha512") };
    await using registry = await startRegistry();
    registry.addManifest(app, manifest, "strong");
    await using opened = openUpstream(registry.url);
    for (const reference of [parseReference(manifest.digest), parseReference("strong")]) {
      expect((await opened.upstream.getManifest(app, reference))?.digest).toBe(manifest.digest);
    }
  });

  test("keeps bytes as they are, whatever their layout", async () => {
    const spaced = Buffer.from(
      JSON.stringify(JSON.parse(image.manifest.bytes.toString()), null, 3),
    );
    await using registry = await startRegistry();
    registry.addManifest(app, { ...image.manifest, bytes: spaced, digest: digestOf(spaced) }, "v2");
    await using opened = openUpstream(registry.url);
    const manifest = await opened.upstream.getManifest(app, parseReference("v2"));
    expect(Buffer.from(manifest?.bytes ?? [])).toEqual(spaced);
  });

  test.each([
    ["text/plain", image.manifest.mediaType],
    [`${dockerManifest}; charset=utf-8`, image.manifest.mediaType],
    [undefined, image.manifest.mediaType],
  ])("for Content-Type %s gives the type %s", async (sent, expected) => {
    await using registry = await startRegistry({ headers: { "content-type": sent } });
    await using opened = openUpstream(registry.url);
    expect((await opened.upstream.getManifest(app, latest))?.mediaType).toBe(expected);
  });

  test("by digest asks once more for what does not have it", async () => {
    await using registry = await startRegistry({ flipByteAt: 5, times: 1 });
    await using opened = openUpstream(registry.url);
    expectSame(await opened.upstream.getManifest(app, byDigest));
    expect(registry.journal.count()).toBe(2);
  });

  test("by tag asks once more for what does not have the digest it came with", async () => {
    await using registry = await startRegistry({ flipByteAt: 5, times: 1 });
    await using opened = openUpstream(registry.url);
    expectSame(await opened.upstream.getManifest(app, latest));
    expect(registry.journal.count()).toBe(2);
  });

  const schema1 = { schemaVersion: 1, name: "app", fsLayers: [] };
  test.each<[string, Fault]>([
    ["bytes that never have their digest", { flipByteAt: 5 }],
    [
      "a web page",
      { body: "<html>Welcome to our hotel</html>", headers: { "content-type": "text/html" } },
    ],
    ["an error with 200", { body: '{"errors":[]}' }],
    [
      "schema 1",
      { body: makeManifest("application/vnd.docker.distribution.manifest.v1+json", schema1).bytes },
    ],
    ["more than a manifest may have", { body: Buffer.alloc(maxManifestBytes + 1, " ") }],
    [
      "more than a manifest may have, without saying so",
      { body: Buffer.alloc(maxManifestBytes + 1, " "), chunked: true },
    ],
    ["something encoded", { gzip: true }],
    ["nothing", { body: "" }],
  ])("refuses %s", async (_, fault) => {
    const headers = { "docker-content-digest": undefined, ...fault.headers };
    await using registry = await startRegistry(fault.flipByteAt ? fault : { ...fault, headers });
    await using opened = openUpstream(registry.url);
    await expectInvalid(opened);
    expect(registry.journal.count()).toBe(2);
  });

  test.each<[string, Fault]>([
    ["is cut", { cutAfter: 100 }],
    ["is cut without a length", { cutAfter: 100, chunked: true }],
  ])("tries again when the body %s", async (_, fault) => {
    await using registry = await startRegistry({ ...fault, times: 1 });
    await using opened = openUpstream(registry.url);
    expectSame(await opened.upstream.getManifest(app, latest));
  });
});
