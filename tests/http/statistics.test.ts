import { afterEach, describe, expect, test } from "@jest/globals";
import request from "supertest";
import { RegistryError } from "../../src/oci/errors.ts";
import type { AnsweredRequest } from "../../src/registry/statistics.ts";
import type { CacheStatus } from "../../src/registry/repository.ts";
import { eventually } from "../support/wait.ts";
import { TestRegistry } from "./test-registry.ts";

const unknown = `sha256:${"a".repeat(64)}`;
const content = Buffer.from("0123456789");
let registry = new TestRegistry();

afterEach(() => {
  registry = new TestRegistry();
});

function addManifest(text = "{}") {
  return registry.repository.addManifest("latest", "application/vnd.oci.image.index.v1+json", text);
}

/** The counted requests, once the one that was just sent is logged. */
async function counted(): Promise<AnsweredRequest[]> {
  await registry.logs.requestLine();
  return registry.answered;
}

describe("a request is counted", () => {
  test.each<CacheStatus>(["HIT", "MISS", "REVALIDATED", "STALE", "PASS"])(
    "by its repository, its kind, where it came from (%s), and the bytes sent",
    async (cache) => {
      const { repository } = registry;
      repository.provenance = { cache };
      const digest = repository.addBlob(content);
      await request(registry.app).get(`/v2/library/node/blobs/${digest}`);
      expect(await counted()).toEqual([
        { repository: repository.key, kind: "blob", outcome: cache, bytes: 10 },
      ]);
    },
  );

  test("by the bytes of a range, where one was asked for", async () => {
    const digest = registry.repository.addBlob(content);
    await request(registry.app).get(`/v2/a/blobs/${digest}`).set("Range", "bytes=2-5");
    expect(await counted()).toMatchObject([{ kind: "blob", outcome: "HIT", bytes: 4 }]);
  });

  test("without bytes, where it is a HEAD or nothing has changed", async () => {
    const { digest } = addManifest();
    await request(registry.app).head("/v2/a/manifests/latest");
    await request(registry.app).get("/v2/a/manifests/latest").set("If-None-Match", `"${digest}"`);
    await eventually("both are counted", () => registry.answered.length === 2);
    const expected = { kind: "manifest", outcome: "HIT", bytes: 0 };
    expect(registry.answered).toMatchObject([expected, expected]);
  });

  test("as one for tags", async () => {
    registry.repository.tagList = { tags: ["latest"], next: undefined };
    const { text } = await request(registry.app).get("/v2/a/tags/list");
    expect(await counted()).toMatchObject([
      { kind: "tags", outcome: "HIT", bytes: Buffer.byteLength(text) },
    ]);
  });

  test.each([
    ["/v2/a/manifests/nope", "manifest"],
    [`/v2/a/blobs/${unknown}`, "blob"],
    ["/v2/a/tags/list?n=-1", "tags"],
    ["/v2/a/manifests/latest?ns=elsewhere.example", "manifest"],
  ])("as an error, of no repository, for %s", async (path, kind) => {
    await request(registry.app).get(path);
    expect(await counted()).toEqual([
      { repository: undefined, kind, outcome: "ERROR", bytes: expect.any(Number) },
    ]);
  });

  test("as an error where the range is outside of the blob", async () => {
    const digest = registry.repository.addBlob(content);
    await request(registry.app).get(`/v2/a/blobs/${digest}`).set("Range", "bytes=100-");
    expect(await counted()).toMatchObject([{ kind: "blob", outcome: "ERROR" }]);
  });

  test("as an error where the body breaks off, and with what was sent of it", async () => {
    const { repository } = registry;
    const digest = repository.addBlob(Buffer.alloc(600_000));
    repository.beforeRead = async (position) => {
      if (position > 0) throw new RegistryError("UNAVAILABLE", "away");
    };
    await expect(request(registry.app).get(`/v2/a/blobs/${digest}`)).rejects.toThrow();
    const [answer] = await counted();
    expect(answer).toMatchObject({ repository: undefined, outcome: "ERROR" });
    expect(answer?.bytes).toBeLessThan(600_000);
  });
});

describe("a request is not counted", () => {
  test.each(["/v2/", "/", "/healthz", "/nowhere", "/v2/a/nothing/b"])("for %s", async (path) => {
    await request(registry.app).get(path);
    expect(await counted()).toEqual([]);
  });

  test("where its client leaves before there is an answer", async () => {
    const gone = new AbortController();
    const reached = Promise.withResolvers<void>();
    const digest = registry.repository.addBlob(content);
    registry.repository.openBlob = async () => {
      reached.resolve();
      return new Promise(() => {});
    };
    await using server = await registry.listen();
    const url = `http://127.0.0.1:${server.address.port}/v2/a/blobs/${digest}`;
    const answer = fetch(url, { signal: gone.signal });
    const refused = expect(answer).rejects.toThrow();
    await reached.promise;
    gone.abort();
    await refused;
    expect(await counted()).toEqual([]);
  });
});
