import { existsSync } from "node:fs";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeBlob, makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { blobFile } from "../support/storage-files.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";

const mib = 1024 * 1024;
const image = makeImage({ layers: [200_000, 3000] });
const [layer = image.config] = image.layers;

/** A storage with the image in it, to be changed while no mirror runs. */
async function storeImage() {
  await using starting = new AsyncDisposableStack();
  const registry = starting.use(await FakeRegistry.start({ cdn: {} }));
  registry.addImage("library/app", "latest", image);
  const dir = starting.use(await makeTempDir());
  const options = { endpoints: [registry.url], storage: dir.path };
  {
    await using mirror = await TestMirror.start(options);
    await pull(mirror, "app", "latest", image);
  }
  registry.journal.clear();
  const held = starting.move();
  return {
    registry,
    file: blobFile(dir.path, layer.digest),
    start: (more: Partial<TestMirrorOptions> = {}) => TestMirror.start({ ...options, ...more }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function flipByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[1000] = (bytes[1000] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

describe("a byte that flips at rest", () => {
  test("is found by the scrubber, told of, and healed by the next pull", async () => {
    await using world = await storeImage();
    await flipByte(world.file);
    await using mirror = await world.start({ scrub: { bytesPerSecond: 64 * mib, everyMs: 1000 } });
    await eventually("it is found", () =>
      mirror.log.find(({ digest, msg }) => digest === layer.digest && msg.includes("moved aside")),
    );
    await eventually("it is moved", () => !existsSync(world.file));
    expect((await pull(mirror, "app", "latest", image)).blobs).toEqual(["HIT", "MISS", "HIT"]);
    expect((await pull(mirror, "app", "latest", image)).blobs).toEqual(["HIT", "HIT", "HIT"]);
    const { integrity, space } = await mirror.run("stats", {});
    expect(integrity.damagedSinceStart).toBe(1);
    expect(space.quarantinedBytes).toBeGreaterThanOrEqual(layer.bytes.length);
  });

  test("is found and healed by a verification that repairs", async () => {
    await using world = await storeImage();
    await flipByte(world.file);
    await using mirror = await world.start();
    const report = await mirror.run("verify", { name: "app", repair: true });
    expect(report).toMatchObject({
      blobs: 3,
      manifests: 1,
      damaged: [{ digest: layer.digest, problem: "has another digest", repaired: true }],
    });
    expect(world.registry.journal.count({ kind: "blob" })).toBe(1);
    expect((await pull(mirror, "app", "latest", image)).blobs).toEqual(["HIT", "HIT", "HIT"]);
    expect((await mirror.run("verify", { repair: false })).damaged).toEqual([]);
  });

  test("is reported by a verification while upstream is gone, and healed when it is back", async () => {
    await using world = await storeImage();
    await flipByte(world.file);
    await using mirror = await world.start({ upstream: { retries: 0 } });
    await world.registry.stop();
    const { damaged } = await mirror.run("verify", { repair: true });
    expect(damaged).toMatchObject([{ digest: layer.digest, repaired: false }]);
    await world.registry.restart();
    mirror.clock.advance(120_000);
    const answer = await mirror.get(`/v2/library/app/blobs/${layer.digest}`);
    expect(answer.body.equals(layer.bytes)).toBe(true);
  });
});

describe("a blob that cannot be read to its end", () => {
  test("is hashed before it is served again", async () => {
    await using registry = await FakeRegistry.start();
    await using dir = await makeTempDir();
    const large = makeBlob(32 * mib);
    registry.addBlob("library/app", large);
    await using mirror = await TestMirror.start({ endpoints: [registry.url], storage: dir.path });
    const path = `/v2/library/app/blobs/${large.digest}`;
    await mirror.get(path);
    await eventually("its download is over", async () => {
      const { downloads } = await mirror.run("stats", {});
      return downloads.length === 0;
    });
    const file = blobFile(dir.path, large.digest);
    const { body } = await mirror.open(path);
    await truncate(file, mib);
    await expect(body.arrayBuffer()).rejects.toThrow();
    // As long as it was, so that only its bytes tell.
    await truncate(file, large.bytes.length);
    const answer = await mirror.get(path);
    expect([answer.headers["x-cache"], answer.body.equals(large.bytes)]).toEqual(["MISS", true]);
    expect((await mirror.get(path)).headers["x-cache"]).toBe("HIT");
  });
});
