import { describe, expect, test } from "@jest/globals";
import request from "supertest";
import { RegistryError, type ErrorCode } from "../../src/oci/errors.ts";
import { TestRegistry } from "./test-registry.ts";

async function answerTo(failure: Error) {
  const registry = new TestRegistry();
  registry.repository.failure = failure;
  const response = await request(registry.app)
    .get("/v2/a/manifests/latest")
    .set("X-Request-Id", "r1");
  return { response, logs: registry.logs };
}

describe("an error", () => {
  test.each<[ErrorCode, number]>([
    ["NAME_UNKNOWN", 404],
    ["MANIFEST_UNKNOWN", 404],
    ["MANIFEST_INVALID", 400],
    ["TOOMANYREQUESTS", 429],
    ["UPSTREAM_INVALID", 502],
    ["UNAVAILABLE", 503],
    ["UPSTREAM_TIMEOUT", 504],
  ])("%s has status %i and goes out as OCI error JSON", async (code, status) => {
    const { response } = await answerTo(new RegistryError(code, "why", { detail: { a: 1 } }));
    expect(response.status).toBe(status);
    expect(response.text).toBe(`{"errors":[{"code":"${code}","message":"why","detail":{"a":1}}]}`);
    expect(response.headers).toMatchObject({
      "content-type": "application/json",
      "content-length": String(response.text.length),
      "docker-distribution-api-version": "registry/2.0",
      "x-request-id": "r1",
    });
    expect(response.headers).not.toHaveProperty("retry-after");
  });

  test("says in whole seconds when to try again", async () => {
    const error = new RegistryError("TOOMANYREQUESTS", "slow down", { retryAfterMs: 1200 });
    const { response } = await answerTo(error);
    expect(response.headers["retry-after"]).toBe("2");
  });

  test("keeps its cause to the log", async () => {
    const cause = new Error("secret cause");
    const { response } = await answerTo(new RegistryError("UNAVAILABLE", "away", { cause }));
    expect(response.text).not.toContain("secret");
  });

  test.each([
    ["an unexpected error", new Error("secret /var/lib path")],
    ["UNKNOWN", new RegistryError("UNKNOWN", "secret /var/lib path")],
  ])("%s tells the client a request id only, and the log all", async (_, failure) => {
    const { response, logs } = await answerTo(failure);
    expect(response.status).toBe(500);
    expect(response.body).toEqual({
      errors: [{ code: "UNKNOWN", message: "internal error", detail: { requestId: "r1" } }],
    });
    expect(logs.lines[0]).toMatchObject({
      level: "error",
      requestId: "r1",
      err: { message: "secret /var/lib path" },
    });
  });

  test("in health or page code is answered like any other", async () => {
    const registry = new TestRegistry();
    registry.health = () => {
      throw new Error("secret");
    };
    const response = await request(registry.app).get("/healthz");
    expect(response.status).toBe(500);
    expect(response.text).not.toContain("secret");
  });
});
