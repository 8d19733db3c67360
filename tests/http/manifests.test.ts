import { describe, expect, test } from "@jest/globals";
import request from "supertest";
import { ociIndex } from "../../src/oci/media-type.ts";
import { TestRegistry } from "./test-registry.ts";

/** White space and all: bytes have to come back as they are. */
const content = '{ "schemaVersion": 2,\n\t"manifests": [] }\n';

function registryWithManifest() {
  const registry = new TestRegistry();
  const manifest = registry.repository.addManifest("24", ociIndex, content);
  const { app, repository } = registry;
  return { app, repository, manifest, registry };
}

describe("GET /v2/<name>/manifests/<reference>", () => {
  test("sends the bytes and the media type as they are stored", async () => {
    const { app, manifest, registry } = registryWithManifest();
    const response = await request(app).get("/v2/library/node/manifests/24");
    expect(response.status).toBe(200);
    expect(response.text).toBe(content);
    expect(response.headers).toMatchObject({
      "content-type": ociIndex,
      "content-length": String(content.length),
      "docker-content-digest": manifest.digest,
      "docker-distribution-api-version": "registry/2.0",
      etag: `"${manifest.digest}"`,
      "x-cache": "HIT",
    });
    expect(response.headers).not.toHaveProperty("oci-namespace");
    expect(response.headers).not.toHaveProperty("warning");
    expect(registry.lookups).toEqual([{ name: "library/node", namespace: undefined }]);
  });

  test("finds a manifest by digest", async () => {
    const { app, manifest } = registryWithManifest();
    const response = await request(app).get(`/v2/library/node/manifests/${manifest.digest}`);
    expect(response.text).toBe(content);
  });

  test("answers HEAD with the headers of GET and no body", async () => {
    const { app } = registryWithManifest();
    const get = await request(app).get("/v2/a/manifests/24").set("X-Request-Id", "same");
    const head = await request(app).head("/v2/a/manifests/24").set("X-Request-Id", "same");
    expect(head.status).toBe(200);
    expect(head.text).toBeUndefined();
    const { date: _, ...expected } = get.headers as Record<string, string>;
    expect(head.headers).toMatchObject(expected);
  });

  test.each(["application/json", "text/html", "*/*", ""])(
    "is not put off by Accept: %s",
    async (accept) => {
      const { app } = registryWithManifest();
      const response = await request(app).get("/v2/a/manifests/24").set("Accept", accept);
      expect(response.status).toBe(200);
      expect(response.headers["content-type"]).toBe(ociIndex);
    },
  );

  test("compresses nothing and heeds no range", async () => {
    const { app } = registryWithManifest();
    const response = await request(app)
      .get("/v2/a/manifests/24")
      .set("Accept-Encoding", "gzip, zstd")
      .set("Range", "bytes=0-3");
    expect(response.status).toBe(200);
    expect(response.headers).not.toHaveProperty("content-encoding");
    expect(response.text).toBe(content);
  });

  test.each(['"DIGEST"', "DIGEST", 'W/"DIGEST"', '"other", "DIGEST"', "*"])(
    "answers 304 to If-None-Match: %s",
    async (condition) => {
      const { app, manifest } = registryWithManifest();
      const response = await request(app)
        .get("/v2/a/manifests/24")
        .set("If-None-Match", condition.replace("DIGEST", manifest.digest));
      expect(response.status).toBe(304);
      expect(response.text).toBe("");
      expect(response.headers).toMatchObject({
        etag: `"${manifest.digest}"`,
        "docker-content-digest": manifest.digest,
      });
    },
  );

  test("sends the manifest when If-None-Match names another one", async () => {
    const { app } = registryWithManifest();
    const response = await request(app).get("/v2/a/manifests/24").set("If-None-Match", '"other"');
    expect(response.status).toBe(200);
  });

  test("says that and why a stale manifest is stale, and how old it is", async () => {
    const { app, repository } = registryWithManifest();
    const warning = 'docker.io said "503"\r\nand\\or is away: é';
    repository.provenance = { cache: "STALE", warning, ageMs: 61_999 };
    const response = await request(app).get("/v2/a/manifests/24");
    expect(response.headers).toMatchObject({
      "x-cache": "STALE",
      warning: '299 - "docker.io said \\"503\\"??and\\\\or is away: ?"',
      age: "61",
    });
  });

  test("passes ?ns= to the directory and names it in the answer", async () => {
    const { app, registry } = registryWithManifest();
    const response = await request(app).get("/v2/a/manifests/24?ns=docker.io");
    expect(response.status).toBe(200);
    expect(response.headers["oci-namespace"]).toBe("docker.io");
    expect(registry.lookups).toEqual([{ name: "a", namespace: "docker.io" }]);
  });

  test("knows nothing of a namespace that is not configured", async () => {
    const { app, repository } = registryWithManifest();
    const response = await request(app).get("/v2/a/manifests/24?ns=169.254.169.254");
    expect(response.status).toBe(404);
    expect(response.body).toMatchObject({ errors: [{ code: "NAME_UNKNOWN" }] });
    expect(response.headers).not.toHaveProperty("oci-namespace");
    expect(repository.calls).toEqual([]);
  });

  test("answers 404 for an unknown tag, to HEAD without a body", async () => {
    const { app } = registryWithManifest();
    const get = await request(app).get("/v2/a/manifests/25");
    expect(get.status).toBe(404);
    expect(get.body).toEqual({
      errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }],
    });
    const head = await request(app).head("/v2/a/manifests/25");
    expect(head.status).toBe(404);
    expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
    expect(head.text).toBeUndefined();
  });
});
