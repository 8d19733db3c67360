import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import type { Fault } from "../support/fake-registry-faults.ts";
import type { JournalEntry } from "../support/fake-registry-journal.ts";
import { makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";

const image = makeImage({ layers: [2_000_000] });
const [layer = image.config] = image.layers;
const layerPath = `/v2/library/app/blobs/${layer.digest}`;
const ofLayer = { kind: "blob", reference: layer.digest } as const;

async function startRegistry(): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start();
  registry.addImage("library/app", "latest", image);
  return registry;
}

/** A mirror in front of two endpoints of the same content. */
async function startWorld(trust: "full" | "content", upstream: TestMirrorOptions["upstream"] = {}) {
  await using starting = new AsyncDisposableStack();
  const first = starting.use(await startRegistry());
  const second = starting.use(await startRegistry());
  const endpoints = [{ url: first.url, trust }, second.url];
  const mirror = starting.use(await TestMirror.start({ endpoints, upstream }));
  const held = starting.move();
  return { first, second, mirror, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

describe("an endpoint that fails in the middle of a layer", () => {
  test.each<[string, Fault]>([
    ["dies", { cutAfter: 1_000_000 }],
    ["stalls", { stallAfter: 1_000_000 }],
  ])("and %s is followed by the next one, and no client sees it", async (_, fault) => {
    await using world = await startWorld("full");
    world.first.inject(ofLayer, fault);
    const answer = await world.mirror.get(layerPath);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(layer.bytes)).toBe(true);
    const [resumed, ...others] = world.second.journal.entries;
    expect(resumed?.headers.range).toBe("bytes=1000000-");
    expect(others).toEqual([]);
    expect(world.first.journal.count(ofLayer)).toBe(1);
  });

  test("and goes away altogether is followed by the next one for all that comes", async () => {
    await using world = await startWorld("full");
    const stall = world.first.inject(ofLayer, { stallAfter: 1_000_000 });
    const answer = world.mirror.get(layerPath);
    await stall.reached;
    await world.first.stop();
    expect((await answer).body.equals(layer.bytes)).toBe(true);
    await pull(world.mirror, "app", "latest", image);
  });

  test("while it is slow gives the rest to the next one", async () => {
    await using world = await startWorld("full", {
      stallTimeoutMs: 60_000,
      minBytesPerSecond: 1_000_000,
      minRateForMs: 200,
    });
    world.first.inject(ofLayer, { bytesPerSecond: 50_000 });
    const answer = await world.mirror.get(layerPath);
    expect(answer.body.equals(layer.bytes)).toBe(true);
    expect(world.second.journal.count(ofLayer)).toBe(1);
    expect(world.mirror.log.filter(({ msg }) => msg === "a slow blob goes on")).toHaveLength(1);
  });
});

describe("a content endpoint", () => {
  test("gives the gigabytes, while tags come from the one that is trusted", async () => {
    await using world = await startWorld("content");
    await pull(world.mirror, "app", "latest", image);
    expect(world.first.journal.count(ofLayer)).toBe(1);
    expect(world.second.journal.count(ofLayer)).toBe(0);
    expect(world.first.journal.count({ kind: "manifest", reference: "latest" })).toBe(0);
    expect(world.first.journal.count({ method: "HEAD" })).toBe(0);
  });

  test("that lies fails one pull, is counted, and is left alone", async () => {
    await using world = await startWorld("content");
    world.first.inject(ofLayer, { flipByteAt: 1000 });
    await expect(world.mirror.get(layerPath)).rejects.toThrow();
    await eventually("the lie is found out", () =>
      world.mirror.log.some(({ msg }) => msg.includes("wrong content")),
    );
    const answer = await world.mirror.get(layerPath);
    expect(answer.headers["docker-content-digest"]).toBe(layer.digest);
    expect(answer.body.equals(layer.bytes)).toBe(true);
    expect(world.first.journal.count(ofLayer)).toBe(1);
    const [upstream] = await world.mirror.run("listUpstreams", {});
    expect(upstream?.endpoints).toMatchObject([
      { url: world.first.url, trust: "content", state: "distrusted", lies: 1 },
      { url: world.second.url, trust: "full", state: "ok", lies: 0 },
    ]);
  });

  test("that has nothing costs a pull nothing but its answers", async () => {
    await using world = await startWorld("content");
    world.first.inject({}, { status: 404 });
    await pull(world.mirror, "app", "latest", image);
    expect(world.second.journal.count(ofLayer)).toBe(1);
  });

  test.each<[string, Fault]>([
    ["another manifest", { body: Buffer.from(makeImage({ seed: "other" }).manifest.bytes) }],
    ["a web page", { body: "<html>blocked</html>", headers: { "content-type": "text/html" } }],
    ["an empty body", { body: "" }],
    ["half of it", { truncateTo: 100 }],
    ["another digest", { headers: { "docker-content-digest": layer.digest } }],
  ])("that sends %s in answer to all is no reason for wrong bytes", async (_, fault) => {
    await using world = await startWorld("content");
    world.first.inject({}, fault);
    const contents: [string, Uint8Array][] = [
      [`manifests/${image.manifest.digest}`, image.manifest.bytes],
      [`blobs/${layer.digest}`, layer.bytes],
    ];
    for (const [path, bytes] of contents) {
      const first = await eventually(`an answer to ${path}`, async () => {
        const answer = await world.mirror.get(`/v2/library/app/${path}`).catch(() => undefined);
        return answer?.status === 200 ? answer : undefined;
      });
      expect(first.body.equals(bytes)).toBe(true);
    }
    await pull(world.mirror, "app", "latest", image);
  });
});

function isOfFirst({ headers }: JournalEntry): boolean {
  return headers.authorization === `Basic ${Buffer.from("first:f1rst-pass").toString("base64")}`;
}

describe("two accounts at one registry", () => {
  const users = { first: "f1rst-pass", second: "sec0nd-pass" };

  test("stand in for each other when one is used up", async () => {
    await using registry = await FakeRegistry.start({
      auth: { scheme: "basic", anonymous: false, users },
    });
    registry.addImage("library/app", "latest", image);
    const limit = registry.inject(isOfFirst, { status: 429, headers: { "retry-after": "300" } });
    const accounts = Object.entries(users).map(
      ([username, text]) => ({ kind: "password", username, password: { text } }) as const,
    );
    await using mirror = await TestMirror.start({
      endpoints: [registry.url],
      upstream: { accounts },
    });
    await pull(mirror, "app", "latest", image);
    expect(limit.hits).toBe(1);
    const [upstream] = await mirror.run("listUpstreams", {});
    expect(upstream?.accounts).toEqual([
      { name: "first", restsUntil: expect.any(Number) },
      { name: "second" },
    ]);
    expect(JSON.stringify([upstream, mirror.log])).not.toMatch(/f1rst-pass|sec0nd-pass/);
  });
});
