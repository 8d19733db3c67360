import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage, makeIndex } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = makeImage({ layers: [300_000, 2_000_000] });

describe("a pull", () => {
  test("works cold, warm, with upstream gone and after a restart", async () => {
    await using registry = await FakeRegistry.start({ auth: {}, cdn: {} });
    await using dir = await makeTempDir();
    registry.addImage("library/app", "latest", image);
    const endpoints = [registry.url];
    {
      await using mirror = await TestMirror.start({ endpoints, storage: dir.path });
      const cold = await pull(mirror, "app", "latest", image);
      expect(cold).toEqual({ tag: "MISS", blobs: ["MISS", "MISS", "MISS"] });
      const warm = await pull(mirror, "library/app", "latest", image);
      expect(warm).toEqual({ tag: "HIT", blobs: ["HIT", "HIT", "HIT"] });
      await registry.stop();
      mirror.clock.advance(3_600_000);
      const offline = await pull(mirror, "app", "latest", image);
      expect(offline).toEqual({ tag: "STALE", blobs: ["HIT", "HIT", "HIT"] });
    }
    await using restarted = await TestMirror.start({ endpoints, storage: dir.path });
    restarted.clock.advance(3_600_000);
    const offline = await pull(restarted, "app", "latest", image);
    expect(offline).toEqual({ tag: "STALE", blobs: ["HIT", "HIT", "HIT"] });
  });

  test("costs upstream a HEAD for the tag the second time, and nothing while the tag is fresh", async () => {
    await using registry = await FakeRegistry.start({ auth: {}, cdn: {} });
    registry.addImage("library/app", "latest", image);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    await pull(mirror, "app", "latest", image);
    registry.journal.clear();
    await pull(mirror, "app", "latest", image);
    expect(registry.journal.summary()).toEqual([]);
    mirror.clock.advance(61_000);
    const outcome = await pull(mirror, "app", "latest", image);
    expect(outcome.tag).toBe("REVALIDATED");
    expect(registry.journal.summary({ server: "registry" })).toEqual(["HEAD manifest latest 200"]);
  });

  test("costs one HEAD, one GET and one download of each blob, however many clients pull at once", async () => {
    await using registry = await FakeRegistry.start({ auth: {}, cdn: {} });
    registry.addImage("library/app", "latest", image);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const clients = Array.from({ length: 12 }, () => pull(mirror, "app", "latest", image));
    await Promise.all(clients);
    const { journal } = registry;
    const ok = { status: 200 };
    expect(journal.count({ ...ok, kind: "manifest", method: "HEAD" })).toBe(1);
    expect(journal.count({ ...ok, kind: "manifest", method: "GET" })).toBe(1);
    expect(journal.count({ ...ok, kind: "blob", method: "GET" })).toBe(3);
    expect(journal.count({ kind: "token" })).toBe(1);
  });

  test("of an index gives its bytes untouched and fetches only the manifests asked for", async () => {
    const other = makeImage({ layers: [500], seed: "arm64" });
    const index = makeIndex([image, other]);
    await using registry = await FakeRegistry.start({ auth: {}, cdn: {} });
    registry.addIndex("library/app", "latest", index);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const answer = await mirror.get("/v2/app/manifests/latest");
    expect(answer.body.equals(index.manifest.bytes)).toBe(true);
    expect(answer.headers["content-type"]).toBe(index.manifest.mediaType);
    await pull(mirror, "app", image.manifest.digest, image);
    const fetched = registry.journal.list({ kind: "manifest", method: "GET", status: 200 });
    expect(fetched.map(({ reference }) => reference)).toEqual([
      index.manifest.digest,
      image.manifest.digest,
    ]);
  });

  test("asks with a repository's own rights before it shares another repository's bytes", async () => {
    await using registry = await FakeRegistry.start({ auth: {}, cdn: {} });
    const [layer] = image.layers;
    if (!layer) throw new Error("the image has layers");
    registry.addImage("library/app", "latest", image);
    registry.addBlob("other/app", layer);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    await pull(mirror, "app", "latest", image);
    registry.journal.clear();
    const shared = await mirror.get(`/v2/other/app/blobs/${layer.digest}`);
    expect([shared.status, shared.headers["x-cache"]]).toEqual([200, "REVALIDATED"]);
    expect(registry.journal.bytesSent({ kind: "blob" })).toBe(0);
    const again = await mirror.get(`/v2/other/app/blobs/${layer.digest}`);
    expect(again.headers["x-cache"]).toBe("HIT");
    const refused = await mirror.get(`/v2/stranger/app/blobs/${layer.digest}`);
    expect(refused.status).toBe(404);
    const manifest = await mirror.get(`/v2/stranger/app/manifests/${image.manifest.digest}`);
    expect(manifest.status).toBe(404);
  });

  test("by containerd's ?ns= is the same as one without", async () => {
    await using registry = await FakeRegistry.start();
    registry.addImage("library/app", "latest", image);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    for (const ns of ["docker.io", "registry-1.docker.io", "index.docker.io"]) {
      const answer = await mirror.get(`/v2/library/app/manifests/latest?ns=${ns}`);
      expect([answer.status, answer.headers["oci-namespace"]]).toEqual([200, ns]);
    }
    const other = await mirror.get("/v2/library/app/manifests/latest?ns=ghcr.io");
    expect(other.status).toBe(404);
    expect(other.body.toString()).toContain("ghcr.io is not mirrored here");
  });

  test("from another registry than Docker Hub leaves short names as they are", async () => {
    await using registry = await FakeRegistry.start();
    registry.addImage("app", "latest", image);
    const host = "registry.example.com";
    await using mirror = await TestMirror.start({ endpoints: [registry.url], host });
    await pull(mirror, "app", "latest", image);
    const path = "/v2/app/manifests/latest";
    expect((await mirror.get(`${path}?ns=${host}`)).status).toBe(200);
    expect((await mirror.get(`${path}?ns=docker.io`)).status).toBe(404);
  });
});
