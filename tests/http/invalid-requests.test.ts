import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RegistryServer } from "../../src/http/server.ts";
import { RawClient } from "./raw-client.ts";
import { TestRegistry } from "./test-registry.ts";

const digest = `sha256:${"a".repeat(64)}`;
const registry = new TestRegistry();
let server: RegistryServer;

beforeAll(async () => {
  server = await registry.listen();
});

afterAll(() => server.drain(0));

/** Sent as it is: HTTP clients would clean the path up first. */
async function refusalOf(path: string): Promise<string> {
  using client = await RawClient.connect(server.address.port);
  client.get(path, "Connection: close");
  await client.closed;
  return client.received.toString();
}

describe("a request that no registry should get", () => {
  test.each([
    ["dots for a component", "/v2/../etc/manifests/latest", "NAME_INVALID"],
    ["dots in the middle", "/v2/a/../b/manifests/latest", "NAME_INVALID"],
    ["encoded dots and slashes", "/v2/..%2f..%2fetc/manifests/latest", "NAME_INVALID"],
    ["a slash encoded twice", "/v2/a%252fb/manifests/latest", "NAME_INVALID"],
    ["NUL in the name", "/v2/a%00/manifests/latest", "NAME_INVALID"],
    ["upper case", "/v2/Library/node/manifests/latest", "NAME_INVALID"],
    ["a name of 300 characters", `/v2/${"a".repeat(300)}/manifests/latest`, "NAME_INVALID"],
    ["no name", "/v2/manifests/latest", "NAME_INVALID"],
    ["bad percent-encoding", "/v2/a%zz/manifests/latest", "NAME_INVALID"],
    ["bytes that are not UTF-8", "/v2/a%ff/manifests/latest", "NAME_INVALID"],
    ["a namespace that is no host", "/v2/a/manifests/latest?ns=a%0d%0ab", "NAME_INVALID"],
    ["a tag of dots", "/v2/a/manifests/..", "TAG_INVALID"],
    ["a tag with a slash", "/v2/a/manifests/b%2fc", "TAG_INVALID"],
    ["NUL in the tag", "/v2/a/manifests/b%00", "TAG_INVALID"],
    ["a tag of 129 characters", `/v2/a/manifests/${"b".repeat(129)}`, "TAG_INVALID"],
    ["a short digest", "/v2/a/blobs/sha256:abc", "DIGEST_INVALID"],
    ["a long digest", `/v2/a/manifests/${digest}a`, "DIGEST_INVALID"],
    ["an upper-case digest", `/v2/a/blobs/sha256:${"A".repeat(64)}`, "DIGEST_INVALID"],
    ["an unknown algorithm", `/v2/a/blobs/md5:${"a".repeat(32)}`, "DIGEST_INVALID"],
    ["a tag for a blob", "/v2/a/blobs/latest", "DIGEST_INVALID"],
    ["a referrers digest that is none", "/v2/a/referrers/latest", "DIGEST_INVALID"],
  ])("%s", async (_, path, code) => {
    const answer = await refusalOf(path);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain(`{"errors":[{"code":"${code}"`);
    expect(registry.lookups).toEqual([]);
    expect(registry.repository.calls).toEqual([]);
  });

  test("what is not HTTP is answered and cut off", async () => {
    using client = await RawClient.connect(server.address.port);
    client.socket.write("EHLO registry\r\n\r\n");
    await client.closed;
    expect(client.received.toString()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  test("headers beyond measure are refused as such", async () => {
    using client = await RawClient.connect(server.address.port);
    client.get("/v2/", `X-Long: ${"a".repeat(20_000)}`);
    await client.closed;
    expect(client.received.toString()).toMatch(/^HTTP\/1\.1 431 /);
  });
});
