import { afterEach, describe, expect, test } from "@jest/globals";
import request from "supertest";
import { RegistryError } from "../../src/oci/errors.ts";
import { TestRegistry } from "./test-registry.ts";

const digest = `sha256:${"a".repeat(64)}`;
let registry = new TestRegistry();

afterEach(() => {
  registry = new TestRegistry();
});

describe("the log line of a request", () => {
  test("tells what was asked, what came of it, and what it cost", async () => {
    const { repository, scope } = registry;
    const blob = repository.addBlob(Buffer.from("0123456789"));
    repository.provenance = { cache: "MISS" };
    repository.beforeRead = async () => {
      scope.noteUpstreamAttempt();
      registry.now += 250;
    };
    await request(registry.app).get(`/v2/library/node/blobs/${blob}`).set("Range", "bytes=2-5");
    expect(await registry.logs.requestLine()).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      msg: "request",
      method: "GET",
      route: "blob",
      repository: "library/node",
      reference: blob,
      status: 206,
      bytes: 4,
      ms: 250,
      cache: "MISS",
      upstreamAttempts: 1,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      client: expect.stringContaining("127.0.0.1"),
    });
  });

  test.each([
    ["/v2/", { route: "version", status: 200, bytes: 2 }],
    ["/v2/a/tags/list", { route: "tags", repository: "a", bytes: 22 }],
    [
      "/v2/a/manifests/nope",
      { route: "manifest", reference: "nope", error: "MANIFEST_UNKNOWN", status: 404 },
    ],
    [`/v2/a/blobs/${digest}`, { route: "blob", error: "BLOB_UNKNOWN", reference: digest }],
    ["/", { route: "page", status: 200 }],
    ["/nowhere", { route: "unknown", status: 404 }],
  ])("for %s", async (path, expected) => {
    await request(registry.app).get(path);
    expect(await registry.logs.requestLine()).toMatchObject({ level: "info", ...expected });
  });

  test("counts no body for HEAD", async () => {
    registry.repository.addManifest("latest", "application/vnd.oci.image.index.v1+json", "{}");
    await request(registry.app).head("/v2/a/manifests/latest");
    expect(await registry.logs.requestLine()).toMatchObject({ method: "HEAD", bytes: 0 });
  });

  test("for health checks is for debugging only", async () => {
    await request(registry.app).get("/healthz");
    expect(await registry.logs.requestLine()).toMatchObject({ level: "debug", route: "healthz" });
  });

  test("holds nothing that may be secret, nor anything that was not checked", async () => {
    await request(registry.app)
      .get("/v2/Evil%0aname/manifests/latest?token=secret&ns=docker.io")
      .set("Authorization", "Bearer secret");
    const line = JSON.stringify(await registry.logs.requestLine());
    expect(line).not.toMatch(/secret|Evil/);
  });
});

describe("the request id", () => {
  test("is the client's, and on every line that the request causes", async () => {
    registry.repository.failure = new Error("boom");
    const response = await request(registry.app)
      .get("/v2/a/manifests/latest")
      .set("X-Request-Id", "build-7.a_B");
    await registry.logs.requestLine();
    expect(response.headers["x-request-id"]).toBe("build-7.a_B");
    const ids = registry.logs.lines.map(({ requestId }) => requestId);
    expect(ids).toEqual(["build-7.a_B", "build-7.a_B"]);
  });

  test.each(["a b", "x".repeat(65), 'a"b', ""])("is made when the client's is %p", async (sent) => {
    const response = await request(registry.app).get("/v2/").set("X-Request-Id", sent);
    expect(response.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("keeps requests that run at once apart", async () => {
    registry.repository.failure = new RegistryError("UNAVAILABLE", "away");
    const ids = ["one", "two", "three"];
    const answers = await Promise.all(
      ids.map((id) => request(registry.app).get("/v2/a/tags/list").set("X-Request-Id", id)),
    );
    expect(answers.map(({ headers }) => headers["x-request-id"])).toEqual(ids);
  });

  test("outside of a request is none", () => {
    expect(registry.scope.logBindings()).toEqual({});
    registry.scope.noteUpstreamAttempt();
    registry.scope.note({ cache: "HIT" });
    expect(registry.scope.current()).toBeUndefined();
  });
});
