import { describe, expect, test } from "@jest/globals";
import request from "supertest";
import { TestRegistry } from "./test-registry.ts";

describe("GET /v2/", () => {
  test.each(["/v2/", "/v2", "//v2//"])("says at %s that this is a registry", async (path) => {
    const { app } = new TestRegistry();
    const response = await request(app).get(path);
    expect(response.status).toBe(200);
    expect(response.text).toBe("{}");
    expect(response.headers).toMatchObject({
      "content-type": "application/json",
      "content-length": "2",
      "docker-distribution-api-version": "registry/2.0",
    });
  });

  test("answers HEAD with the same headers and no body", async () => {
    const { app } = new TestRegistry();
    const response = await request(app).head("/v2/");
    expect(response.status).toBe(200);
    expect(response.headers["content-length"]).toBe("2");
    expect(response.text).toBeUndefined();
  });
});

type Method = "get" | "post" | "put" | "patch" | "delete";

describe("what a mirror does not do", () => {
  const digest = `sha256:${"a".repeat(64)}`;

  test.each<[Method, string]>([
    ["post", "/v2/"],
    ["put", "/v2/a/b/manifests/latest"],
    ["delete", `/v2/a/blobs/${digest}`],
    ["post", "/v2/a/blobs/uploads/"],
    ["patch", "/v2/a/blobs/uploads/0b5bd7e9"],
    ["get", "/v2/a/blobs/uploads/0b5bd7e9"],
    ["post", "/v2/a/tags/list"],
    ["put", `/v2/a/referrers/${digest}`],
    ["post", "/v2/_catalog"],
  ])("%s %s is not supported", async (method, path) => {
    const { app, lookups } = new TestRegistry();
    const response = await request(app)[method](path);
    expect(response.status).toBe(405);
    expect(response.headers["allow"]).toBe("GET, HEAD");
    expect(response.body).toMatchObject({ errors: [{ code: "UNSUPPORTED" }] });
    expect(lookups).toEqual([]);
  });

  test.each(["/v2/_catalog/a", "/v2/a", "/v2/a/tags", "/v2/_oci/ext/discover", "/v2/.."])(
    "%s is unknown",
    async (path) => {
      const { app, lookups } = new TestRegistry();
      const response = await request(app).get(path);
      expect(response.status).toBe(404);
      expect(response.headers["docker-distribution-api-version"]).toBe("registry/2.0");
      expect(response.body).toMatchObject({ errors: [{ code: "NAME_UNKNOWN" }] });
      expect(lookups).toEqual([]);
    },
  );

  test.each(["/v1/_ping", "/v2x/", "/V2/", "/elsewhere"])("%s is not found", async (path) => {
    const { app } = new TestRegistry();
    const response = await request(app).get(path);
    expect(response.status).toBe(404);
    expect(response.text).toBe("not found\n");
  });
});
