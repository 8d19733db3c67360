import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ociIndex } from "../../src/oci/media-type.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import type { RegistryServer } from "../../src/http/server.ts";
import { eventually } from "../support/wait.ts";
import { RawClient } from "./raw-client.ts";
import { TestRegistry } from "./test-registry.ts";

const content = '{ "schemaVersion": 2,\n\t"manifests": [], "annotations": { "é": "ü" } }\n';
const path = "/v2/library/node/manifests/24";

let registry: TestRegistry;
let server: RegistryServer;
let manifest: Manifest;

beforeEach(async () => {
  registry = new TestRegistry();
  server = await registry.listen();
  manifest = registry.repository.addManifest("24", ociIndex, content);
});

afterEach(() => server[Symbol.asyncDispose]());

/** A whole answer as it came over the wire, but for the date, and the log line of it. */
async function ask(request: string, ...headers: string[]) {
  const logged = registry.logs.lines.length;
  using client = await RawClient.connect(server.address.port);
  const lines = [`${request} HTTP/1.1`, "Host: a", "X-Request-Id: same", "Connection: close"];
  client.socket.write([...lines, ...headers, "", ""].join("\r\n"));
  await client.closed;
  await eventually("the log line", () => registry.logs.lines.length > logged);
  const { time: _, ...line } = registry.logs.lines.at(-1) ?? {};
  const [head = "", body] = client.received.toString("latin1").split("\r\n\r\n");
  const answer = head.split("\r\n").filter((each) => !each.startsWith("Date:"));
  return { head: answer, body, line, counted: registry.answered.at(-1) };
}

/** The same request, first on the ordinary way, then answered at once. */
async function askBoth(request: string, ...headers: string[]) {
  const { repository } = registry;
  repository.recallsManifests = false;
  const ordinary = await ask(request, ...headers);
  repository.recallsManifests = true;
  repository.calls.length = 0;
  const recalled = await ask(request, ...headers);
  return { ordinary, recalled, calls: repository.calls };
}

describe("a manifest that is at hand", () => {
  test.each([
    ["GET", `GET ${path}`],
    ["HEAD", `HEAD ${path}`],
    ["a registry that the client names", `GET ${path}?ns=docker.io`],
    ["an untidy path", "GET //v2//library/node/manifests/24/?x=%20"],
    ["an absolute target", `GET http://b${path}`],
    ["a match", `GET ${path}`, 'If-None-Match: "x", *'],
    ["a HEAD with a match", `HEAD ${path}`, "If-None-Match: *"],
    ["no match", `GET ${path}`, 'If-None-Match: "x"'],
    ["another id than may be", `GET ${path}`, "Accept: text/plain", "X-Forwarded-For: 1.2.3.4"],
  ])("is answered, logged and counted as ever: %s", async (_, request, ...headers) => {
    const { ordinary, recalled, calls } = await askBoth(request, ...headers);
    expect(calls).toEqual(["recallManifest"]);
    expect(recalled).toEqual(ordinary);
    expect(recalled.head[0]).toMatch(/^HTTP\/1\.1 (200 OK|304 Not Modified)$/);
  });

  test("is answered by digest, too, and byte for byte", async () => {
    const { recalled, calls } = await askBoth(`GET /v2/library/node/manifests/${manifest.digest}`);
    expect(calls).toEqual(["recallManifest"]);
    expect(Buffer.from(recalled.body ?? "", "latin1").toString()).toBe(content);
  });

  test("is answered when it is too large for one write", async () => {
    registry.repository.addManifest("24", ociIndex, "x".repeat(3 * 1024 * 1024));
    const { ordinary, recalled, calls } = await askBoth(`GET ${path}`);
    expect(calls).toEqual(["recallManifest"]);
    expect(recalled).toEqual(ordinary);
  });

  test("is answered anew when the tag has another one", async () => {
    await askBoth(`GET ${path}`);
    registry.repository.addManifest("24", ociIndex, "{}");
    expect((await ask(`GET ${path}`)).body).toBe("{}");
  });

  test("gets each request an id of its own, where it brings none that is fit", async () => {
    await askBoth(`GET ${path}`);
    const urls = [0, 1].map(() => `http://127.0.0.1:${server.address.port}${path}`);
    await askBoth(`GET ${path}`);
    const ids: (string | null)[] = [];
    for (const url of urls) {
      const response = await fetch(url, { headers: { "X-Request-Id": 'a"b' } });
      await response.text();
      ids.push(response.headers.get("x-request-id"));
    }
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("is of the host that the request names", async () => {
    await askBoth(`GET ${path}`);
    registry.repository.calls.length = 0;
    using client = await RawClient.connect(server.address.port);
    client.socket.write(`GET ${path} HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n`);
    await client.closed;
    expect(registry.repository.calls).toEqual(["getManifest"]);
  });

  test("is refused while the server is shutting down", async () => {
    await askBoth(`GET ${path}`);
    registry.isDraining = true;
    expect((await ask(`GET ${path}`)).head[0]).toBe("HTTP/1.1 503 Service Unavailable");
  });

  test.each(["PUT", "DELETE", "POST"])("is nothing to %s", async (method) => {
    await askBoth(`GET ${path}`);
    const { head } = await ask(`${method} ${path}`, "Content-Length: 0");
    expect(head[0]).toBe("HTTP/1.1 405 Method Not Allowed");
  });

  test("is not learned from a request that failed", async () => {
    registry.repository.recallsManifests = true;
    await ask("GET /v2/library/node/manifests/none");
    registry.repository.addManifest("none", ociIndex, content);
    registry.repository.calls.length = 0;
    await ask("GET /v2/library/node/manifests/none");
    expect(registry.repository.calls).toEqual(["getManifest"]);
  });

  test("comes whole and in order to a client that asks for many at once", async () => {
    await askBoth(`GET ${path}`);
    using client = await RawClient.connect(server.address.port);
    const last = `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    const ordinary = "GET /v2/library/node/tags/list HTTP/1.1\r\nHost: a\r\n\r\n";
    client.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n${ordinary}${last}`);
    await client.closed;
    const statuses = client.received.toString("latin1").match(/HTTP\/1\.1 \d+|"tags"/g);
    expect(statuses).toEqual(["HTTP/1.1 200", "HTTP/1.1 200", '"tags"', "HTTP/1.1 200"]);
  });

  test("is aborted, in the log, when its client leaves in the middle of it", async () => {
    registry.repository.addManifest("24", ociIndex, "x".repeat(16 * 1024 * 1024));
    await askBoth(`GET ${path}`);
    const logged = registry.logs.lines.length;
    using client = await RawClient.connect(server.address.port);
    client.get(path);
    await client.receivedText("\r\n\r\n");
    client.socket.pause();
    client.socket.destroy();
    await eventually("the log line", () => registry.logs.lines.length > logged);
    expect(registry.logs.lines.at(-1)).toMatchObject({ status: 200, bytes: 0, aborted: true });
  });

  test("goes out whole to a slow client while the server drains", async () => {
    const body = "x".repeat(16 * 1024 * 1024);
    registry.repository.addManifest("24", ociIndex, body);
    await askBoth(`GET ${path}`);
    using client = await RawClient.connect(server.address.port);
    client.get(path);
    await client.receivedText("\r\n\r\n");
    client.socket.pause();
    const drained = server.drain(10_000);
    client.socket.resume();
    await Promise.all([drained, client.closed]);
    expect(client.received.length).toBe(client.received.indexOf("\r\n\r\n") + 4 + body.length);
  });
});
