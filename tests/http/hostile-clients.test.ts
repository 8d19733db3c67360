import { connect, type Socket } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = makeImage();
const digest = image.manifest.digest;

describe("a request that the grammar forbids never reaches upstream", () => {
  test.each([
    ["dots", "/v2/../etc/manifests/latest"],
    ["dots behind percent", "/v2/%2e%2e%2fetc/manifests/latest"],
    ["an encoded slash at the wrong place", "/v2/library%2f%2fapp/manifests/-x"],
    ["NUL", "/v2/library/a%00b/manifests/latest"],
    ["upper case", "/v2/Library/app/manifests/latest"],
    ["300 characters", `/v2/${"a".repeat(300)}/manifests/latest`],
    ["a tag of 129 characters", `/v2/library/app/manifests/${"t".repeat(129)}`],
    ["a digest too short", `/v2/library/app/blobs/${digest.slice(0, -1)}`],
    ["a digest too long", `/v2/library/app/manifests/${digest}0`],
    ["a digest in upper case", `/v2/library/app/blobs/${digest.toUpperCase()}`],
    ["an unknown algorithm", "/v2/library/app/blobs/md5:d41d8cd98f00b204e9800998ecf8427e"],
    ["broken percent-encoding", "/v2/library/%zz/manifests/latest"],
  ])("%s", async (_, path) => {
    await using registry = await FakeRegistry.start();
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const answer = await rawRequest(mirror.url, `GET ${path} HTTP/1.1`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toMatch(/"code":"(NAME|DIGEST|TAG)_INVALID"/);
    expect(registry.journal.entries).toEqual([]);
  });

  test("an encoded slash is a slash", async () => {
    await using registry = await FakeRegistry.start();
    registry.addImage("library/app", "latest", image);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    expect((await mirror.get("/v2/library%2Fapp/manifests/latest")).status).toBe(200);
  });
});

describe("clients that misbehave", () => {
  test("200 half-finished requests keep nobody else waiting", async () => {
    await using registry = await FakeRegistry.start();
    registry.addImage("library/app", "latest", image);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const { hostname, port } = new URL(mirror.url);
    const sockets = await Promise.all(
      Array.from({ length: 200 }, () => halfRequest(hostname, Number(port))),
    );
    try {
      const answer = await mirror.get("/v2/library/app/manifests/latest");
      expect(answer.status).toBe(200);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  test("pushing is refused in the registry's own words", async () => {
    await using registry = await FakeRegistry.start();
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    for (const [method, path] of [
      ["POST", "/v2/library/app/blobs/uploads/"],
      ["PUT", "/v2/library/app/manifests/latest"],
      ["DELETE", `/v2/library/app/manifests/${digest}`],
    ] as const) {
      const answer = await mirror.send(method, path, {});
      expect(answer.status).toBe(405);
      expect(answer.body.toString()).toContain("UNSUPPORTED");
    }
    expect(registry.journal.entries).toEqual([]);
  });
});

async function rawRequest(url: string, requestLine: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`${requestLine}\r\nHost: mirror\r\nConnection: close\r\n\r\n`);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part);
  return Buffer.concat(parts).toString();
}

function halfRequest(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => {
      socket.write("GET /v2/library/app/manifests/latest HTTP/1.1\r\nHost: mir");
      resolve(socket);
    });
    socket.on("error", reject);
  });
}
