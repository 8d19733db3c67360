import { describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { unwrittenEgress } from "../../src/config/to-egress.ts";
import { directEgress } from "../../src/upstream/egress/egress.ts";
import { Bystander } from "../support/bystander.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import type { Fault } from "../support/fake-registry-faults.ts";
import { makeImage } from "../support/images.ts";
import { SourceFilter } from "../support/source-filter.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { authorityFile } from "../support/tls/certificates.ts";

const image = makeImage();
const [layer = image.config] = image.layers;
const ca = await readFile(authorityFile, "utf8");
const noBody = "";

/** A mirror that serves whatever registry a client names, as far as it is public. */
function startMirror(allowAddresses: string[] = []): Promise<TestMirror> {
  const { proxies } = directEgress;
  const resolve = new Map([["registry.test", "127.0.0.1"]]);
  const tls = { ca, certificate: undefined, key: undefined };
  return TestMirror.start({
    endpoints: ["http://127.0.0.1:1"],
    registries: {
      "*": {
        endpoints: [],
        allowAddresses,
        egress: { ...unwrittenEgress, proxies, tls, resolve },
      },
    },
  });
}

/** A registry at https://registry.test:port. */
async function startRegistry() {
  await using starting = new AsyncDisposableStack();
  const registry = starting.use(await FakeRegistry.start());
  registry.addImage("team/app", "latest", image);
  const front = starting.use(await SourceFilter.start({ target: registry.url, tls: {} }));
  const held = starting.move();
  const host = `registry.test:${front.port}`;
  return { registry, host, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function pathsOf(host: string): string[] {
  return [
    `/v2/${host}/team/app/manifests/latest`,
    `/v2/${host}/team/app/blobs/${layer.digest}`,
    `/v2/team/app/manifests/latest?ns=${encodeURIComponent(host)}`,
    `/v2/team/app/tags/list?ns=${encodeURIComponent(host)}`,
  ];
}

describe("a registry that a client names and nobody configured", () => {
  test.each(["127.0.0.1", "localhost", "[::1]", "127.1", "2130706433", "0x7f000001"])(
    "is none where %s is what it is called, were that address allowed",
    async (address) => {
      await using bystander = await Bystander.start("127.0.0.1");
      const host = `${address}:${bystander.port}`;
      await using mirror = await startMirror(["127.0.0.0/8", "::1/128"]);
      for (const path of pathsOf(host)) expect((await mirror.get(path)).status).toBe(404);
      expect(bystander.visits).toBe(0);
    },
  );

  test("is not connected to when its name leads into the mirror's own network", async () => {
    await using bystander = await Bystander.start("127.0.0.1");
    const paths = pathsOf(`registry.test:${bystander.port}`);
    {
      await using mirror = await startMirror();
      for (const path of paths) expect((await mirror.get(path)).status).toBe(404);
      expect(bystander.visits).toBe(0);
      expect(JSON.stringify(mirror.log)).toContain("is not a public address (loopback)");
    }
    await using mirror = await startMirror(["127.0.0.0/8"]);
    for (const path of paths) expect((await mirror.get(path)).status).toBe(503);
    expect(bystander.visits).toBeGreaterThan(0);
  });

  test("is pulled from where its address is allowed", async () => {
    await using world = await startRegistry();
    await using mirror = await startMirror(["127.0.0.0/8"]);
    const head = await mirror.head(`/v2/team/app/manifests/latest?ns=${world.host}`);
    expect(head.headers["docker-content-digest"]).toBe(image.manifest.digest);
    const answer = await mirror.get(`/v2/${world.host}/team/app/blobs/${layer.digest}`);
    expect(answer.body.equals(layer.bytes)).toBe(true);
  });

  test.each<[string, (origin: string) => Fault]>([
    ["redirects to it", (origin) => ({ status: 307, headers: { location: `${origin}/blob` } })],
    [
      "sends for a token there",
      (origin) => ({
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${origin}/token",service="x"` },
      }),
    ],
  ])("does not lead the mirror to an address that is not public when it %s", async (_, faultAt) => {
    await using bystander = await Bystander.start("127.0.0.2");
    await using world = await startRegistry();
    const path = `/v2/${world.host}/team/app/blobs/${layer.digest}`;
    const targets = [`https://127.0.0.2:${bystander.port}`, "https://169.254.169.254"];
    for (const origin of targets) {
      await using mirror = await startMirror(["127.0.0.1/32"]);
      const fault = world.registry.inject({ kind: "blob" }, { ...faultAt(origin), body: noBody });
      expect((await mirror.get(path)).status).toBeGreaterThanOrEqual(400);
      expect(JSON.stringify(mirror.log)).toMatch(/address guard: \S+ is not a public address/);
      fault.remove();
      mirror.clock.advance(60_000);
      expect((await mirror.get(path)).status).toBe(200);
    }
    expect(bystander.visits).toBe(0);
    await using mirror = await startMirror(["127.0.0.0/8"]);
    const [reached = ""] = targets;
    world.registry.inject({ kind: "blob" }, { ...faultAt(reached), body: noBody });
    await mirror.get(path);
    expect(bystander.visits).toBeGreaterThan(0);
  });
});
