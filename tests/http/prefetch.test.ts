import { describe, expect, test } from "@jest/globals";
import type { PrefetchReport } from "../../src/registry/operations/operations.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage, makeIndex, type TestImage } from "../support/images.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";
import { eventually, within } from "../support/wait.ts";

async function startBoth(options: Omit<TestMirrorOptions, "endpoints"> = {}) {
  await using starting = new AsyncDisposableStack();
  const registry = starting.use(await FakeRegistry.start());
  const mirror = starting.use(await TestMirror.start({ endpoints: [registry.url], ...options }));
  const held = starting.move();
  return { registry, mirror, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function prefetch(mirror: TestMirror, names: string[], signal?: AbortSignal) {
  return mirror.operations.prefetch(
    { names, platforms: "all" },
    { signal: signal ?? new AbortController().signal, onEvent: () => undefined },
  );
}

function outcomes({ names }: PrefetchReport) {
  return names.map(({ complete }) => complete);
}

function blobsOf({ config, layers }: TestImage) {
  return [config, ...layers];
}

describe("the prefetch operation", () => {
  test("brings in what clients then get with the upstream down", async () => {
    await using world = await startBoth();
    const { registry, mirror } = world;
    const images = [makeImage({ seed: "a", layers: [700_000] }), makeImage({ seed: "b" })];
    registry.addIndex("library/app", "1", makeIndex(images));
    registry.addImage("team/tool", "2", makeImage({ seed: "c" }));
    const report = await prefetch(mirror, ["app:1", "team/tool:2"]);
    expect(outcomes(report)).toEqual([true, true]);
    await registry.stop();
    const manifest = await mirror.get(`/v2/library/app/manifests/1`);
    expect(manifest.status).toBe(200);
    for (const { digest, bytes } of images.flatMap(blobsOf)) {
      const answer = await mirror.get(`/v2/library/app/blobs/${digest}`);
      expect(answer.headers["x-cache"]).toBe("HIT");
      expect(answer.body.equals(bytes)).toBe(true);
    }
  });

  test("asks upstream for nothing twice", async () => {
    await using world = await startBoth();
    const { registry, mirror } = world;
    const image = makeImage();
    registry.addImage("library/app", "1", image);
    registry.addImage("library/app", "2", image);
    registry.addImage("library/other", "1", image);
    const report = await prefetch(mirror, ["app:1", "app:2", "other:1"]);
    expect(report.fetchedBytes).toBe(blobsOf(image).reduce((sum, b) => sum + b.bytes.length, 0));
    const again = await prefetch(mirror, ["app:1", "app:2", "other:1"]);
    expect(again).toMatchObject({ fetchedBytes: 0, presentBytes: report.fetchedBytes });
    expect(outcomes(again)).toEqual([true, true, true]);
    expect(registry.journal.count({ kind: "blob", method: "GET" })).toBe(3);
  });

  test("says which names did not come, and why", async () => {
    await using world = await startBoth();
    const { registry, mirror } = world;
    const image = makeImage();
    registry.addImage("library/app", "1", image);
    const [layer] = image.layers;
    if (!layer) throw new Error("no layer");
    registry.deleteBlob("library/app", layer.digest);
    const { names } = await prefetch(mirror, ["app:1", "app:2", "ghcr.io/a/b"]);
    expect(names).toMatchObject([
      { complete: false, problem: expect.stringContaining(layer.digest) },
      { complete: false, problem: expect.stringContaining("2 is not in library/app") },
      { complete: false, problem: expect.stringContaining("ghcr.io is not mirrored") },
    ]);
  });

  test("stops at once in the middle of a blob, and goes on from there the next time", async () => {
    await using world = await startBoth({ upstream: { stallTimeoutMs: 20_000 } });
    const { registry, mirror } = world;
    registry.addImage("library/app", "1", makeImage({ layers: [3_000_000] }));
    const stall = registry.inject({ kind: "blob" }, { stallAfter: 1_000_000 });
    const abort = new AbortController();
    const stopped = expect(prefetch(mirror, ["app:1"], abort.signal)).rejects.toThrow("enough");
    await stall.reached;
    abort.abort(new Error("enough"));
    await within("the end", 5000, stopped);
    stall.remove();
    expect(outcomes(await prefetch(mirror, ["app:1"]))).toEqual([true]);
    expect(registry.journal.count({ kind: "blob", method: "GET" })).toBe(2);
  });

  test("a blob that no cache of this size can hold makes its name incomplete", async () => {
    await using world = await startBoth({ limits: { maxBytes: 1_000_000 } });
    const { registry, mirror } = world;
    registry.addImage("library/app", "1", makeImage({ layers: [100_000, 2_000_000] }));
    const { names } = await prefetch(mirror, ["app:1"]);
    expect(names).toMatchObject([
      { complete: false, problem: expect.stringContaining("storage.maxSize") },
    ]);
  });

  test("names that had to go again for others are incomplete", async () => {
    await using world = await startBoth({ limits: { maxBytes: 1_000_000 } });
    const { registry, mirror } = world;
    const names = ["1", "2", "3", "4"];
    for (const seed of names) {
      registry.addImage("library/app", seed, makeImage({ seed, layers: [400_000] }));
    }
    const report = await prefetch(
      mirror,
      names.map((tag) => `app:${tag}`),
    );
    const incomplete = report.names.filter(({ complete }) => !complete);
    expect(incomplete.length).toBeGreaterThanOrEqual(2);
  });
});

describe("prefetch in the configuration", () => {
  test("keeps its list warm by its schedule", async () => {
    await using registry = await FakeRegistry.start();
    const image = makeImage();
    registry.addImage("library/app", "1", image);
    await using mirror = await TestMirror.start({
      endpoints: [registry.url],
      prefetch: { names: ["app:1"], schedule: "* * * * * *", timeZone: "UTC" },
    });
    const line = await eventually("a run", () =>
      mirror.log.find(({ msg }) => msg.startsWith("scheduled prefetch")),
    );
    expect(line).toMatchObject({ level: "info", names: 1, blobs: 3 });
    for (const { digest } of blobsOf(image)) {
      const answer = await mirror.get(`/v2/library/app/blobs/${digest}`);
      expect(answer.headers["x-cache"]).toBe("HIT");
    }
  });
});
