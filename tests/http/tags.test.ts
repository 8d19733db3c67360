import { describe, expect, test } from "@jest/globals";
import request from "supertest";
import { TestRegistry } from "./test-registry.ts";

function registryWithTags(tags: string[], next?: string) {
  const registry = new TestRegistry();
  registry.repository.tagList = { tags, next };
  return registry;
}

describe("GET /v2/<name>/tags/list", () => {
  test("lists tags under the name that was asked for", async () => {
    const { app } = registryWithTags(["22", "24"]);
    const response = await request(app).get("/v2/node/tags/list/");
    expect(response.status).toBe(200);
    expect(response.text).toBe('{"name":"node","tags":["22","24"]}');
    expect(response.headers).toMatchObject({
      "content-type": "application/json",
      "content-length": String(response.text.length),
      "x-cache": "HIT",
    });
    expect(response.headers).not.toHaveProperty("link");
  });

  test("lists no tags as an empty list", async () => {
    const { app } = registryWithTags([]);
    const response = await request(app).get("/v2/node/tags/list?n=0");
    expect(response.text).toBe('{"name":"node","tags":[]}');
  });

  test("passes the query on without ns, and links to the next page with it", async () => {
    const { app, repository } = registryWithTags(["b"], "last=b&n=1&next_page=x%2By%3E");
    const path = "/v2/library/node/tags/list?n=1&last=a&foo=bar&ns=docker.io";
    const response = await request(app).get(path);
    expect(repository.tagQuery?.toString()).toBe("n=1&last=a&foo=bar");
    expect(response.headers["link"]).toBe(
      '</v2/library/node/tags/list?last=b&n=1&next_page=x%2By%3E&ns=docker.io>; rel="next"',
    );
  });

  test("links to the next page without ns when there was none", async () => {
    const { app } = registryWithTags(["b"], "last=b&n=1");
    const response = await request(app).get("/v2/node/tags/list?n=1");
    expect(response.headers["link"]).toBe('</v2/node/tags/list?last=b&n=1>; rel="next"');
  });

  test.each(["-1", "many", "1.5", "", "99999999999999999999"])(
    "does not take n=%s for a number of tags",
    async (n) => {
      const { app, repository } = registryWithTags(["a"]);
      const response = await request(app).get(`/v2/node/tags/list?n=${n}`);
      expect(response.status).toBe(400);
      expect(response.body).toMatchObject({ errors: [{ code: "PAGINATION_NUMBER_INVALID" }] });
      expect(repository.calls).toEqual([]);
    },
  );

  test("says so when the list is stale", async () => {
    const { app, repository } = registryWithTags(["a"]);
    repository.provenance = { cache: "STALE", warning: "docker.io is away" };
    const response = await request(app).get("/v2/node/tags/list");
    expect(response.headers["warning"]).toBe('299 - "docker.io is away"');
  });
});
