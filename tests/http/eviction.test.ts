import { access } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { ociManifest } from "../../src/oci/media-type.ts";
import { makeBlob, makeImage, makeManifest, type TestBlob } from "../support/images.ts";
import { blobFile } from "../support/storage-files.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";

const kib = 1024;
const mib = 1024 * kib;
const day = 24 * 3_600_000;

function pathOf({ digest }: TestBlob): string {
  return `/v2/library/app/blobs/${digest}`;
}

/** A mirror within such limits, and an upstream that has the blobs. */
async function startWorld(limits: TestMirrorOptions["limits"], blobs: TestBlob[]) {
  await using starting = new AsyncDisposableStack();
  const registry = starting.use(await FakeRegistry.start());
  for (const blob of blobs) registry.addBlob("library/app", blob);
  const mirror = starting.use(
    await TestMirror.start({ endpoints: [registry.url], limits: limits ?? {} }),
  );
  const held = starting.move();
  return { registry, mirror, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** `X-Cache` of a pull that must be right. */
async function pull(mirror: TestMirror, blob: TestBlob): Promise<string | undefined> {
  const answer = await mirror.get(pathOf(blob));
  expect([answer.status, answer.body.equals(blob.bytes)]).toEqual([200, true]);
  return answer.headers["x-cache"];
}

/** A blob is used when it is in place for good, which may be after its client has it. */
async function settle(mirror: TestMirror): Promise<void> {
  await eventually("all downloads are over", async () => {
    const { downloads } = await mirror.run("stats", {});
    return downloads.length === 0;
  });
}

/** So much time passes after all that happened before. */
async function pass(mirror: TestMirror, ms: number): Promise<void> {
  await settle(mirror);
  mirror.clock.advance(ms);
}

async function storedBytes(mirror: TestMirror): Promise<number> {
  const { space } = await mirror.run("stats", {});
  return space.blobBytes + space.partialBytes + space.quarantinedBytes;
}

function evict(mirror: TestMirror, toBytes: number) {
  return mirror.run("evict", { toBytes, dryRun: false });
}

function isStored(mirror: TestMirror, { digest }: TestBlob): Promise<boolean> {
  return access(blobFile(mirror.storage, digest)).then(
    () => true,
    () => false,
  );
}

describe("a cache that is full", () => {
  const blobs = [1, 2, 3, 4].map((each) => makeBlob(100 * kib, `layer ${each}`));

  test("gives up what was used least recently, and fetches that again when it is asked for", async () => {
    await using world = await startWorld({ maxBytes: 320 * kib }, blobs);
    const { mirror } = world;
    const [first, second, third, fourth] = blobs;
    if (!first || !second || !third || !fourth) throw new Error("there are four blobs");
    for (const blob of [first, second, third]) {
      expect(await pull(mirror, blob)).toBe("MISS");
      await pass(mirror, 1000);
    }
    expect(await pull(mirror, first)).toBe("HIT");
    await pass(mirror, 1000);
    expect(await pull(mirror, fourth)).toBe("MISS");
    expect(await Promise.all(blobs.map((blob) => isStored(mirror, blob)))).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(await pull(mirror, second)).toBe("MISS");
  });

  test("serves what is far larger than it to many clients at once, and keeps within its limit", async () => {
    const limit = 2 * mib;
    const many = Array.from({ length: 24 }, (_, each) => makeBlob(400 * kib, `many ${each}`));
    await using world = await startWorld({ maxBytes: limit }, many);
    const { mirror } = world;
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (const index of many.keys()) {
        const blob = many[(index + 3 * client) % many.length];
        if (blob) await pull(mirror, blob);
      }
    });
    await Promise.all(clients);
    await settle(mirror);
    expect(await storedBytes(mirror)).toBeLessThanOrEqual(limit);
    expect(await storedBytes(mirror)).toBeGreaterThan(0);
  });
});

describe("a blob that does not fit", () => {
  const large = makeBlob(500 * kib, "large");
  const small = makeBlob(50 * kib, "small");

  test("is passed through, the log says why, and others are kept as ever", async () => {
    await using world = await startWorld({ maxBytes: 400 * kib }, [large, small]);
    const { mirror } = world;
    expect(await pull(mirror, large)).toBe("PASS");
    expect(await pull(mirror, small)).toBe("MISS");
    expect(await pull(mirror, large)).toBe("PASS");
    expect(await pull(mirror, small)).toBe("HIT");
    const lines = mirror.log.filter(({ level }) => level === "warn");
    expect(lines.map(({ digest, size }) => [digest, size])).toEqual([
      [large.digest, 500 * kib],
      [large.digest, 500 * kib],
    ]);
    expect(lines[0]?.["reason"]).toContain("storage.maxSize");
    expect(mirror.log.some(({ msg }) => msg.startsWith("storage takes no blobs"))).toBe(false);
  });

  test("is asked for once where a manifest told its size", async () => {
    const image = makeImage({ layers: [500 * kib] });
    await using world = await startWorld({ maxBytes: 400 * kib }, []);
    const { mirror, registry } = world;
    registry.addImage("library/app", "latest", image);
    await mirror.get("/v2/library/app/manifests/latest");
    for (const layer of image.layers) {
      expect(await pull(mirror, layer)).toBe("PASS");
      expect(registry.journal.count({ kind: "blob", reference: layer.digest })).toBe(1);
    }
  });

  test("on the disk beside what must stay free is passed through", async () => {
    await using world = await startWorld({ minFree: { bytes: 2 ** 60 } }, [small]);
    expect(await pull(world.mirror, small)).toBe("PASS");
    expect(await isStored(world.mirror, small)).toBe(false);
  });
});

describe("a blob that fills nearly all of the storage", () => {
  const small = makeBlob(30 * kib, "small");

  test("stays when it has come, whatever had to go for it", async () => {
    const large = makeBlob(370 * kib, "nearly all");
    await using world = await startWorld({ maxBytes: 400 * kib }, [small, large]);
    const { mirror } = world;
    await pull(mirror, small);
    await pass(mirror, 1000);
    expect(await pull(mirror, large)).toBe("MISS");
    await settle(mirror);
    await eventually("there is room again", () =>
      mirror.log.some(({ msg, reason }) => msg === "evicted" && reason === "space"),
    );
    expect(await isStored(mirror, small)).toBe(false);
    expect(await pull(mirror, large)).toBe("HIT");
  });

  test("and would be gone as soon as it came is passed through", async () => {
    const larger = makeBlob(390 * kib, "all but a bit");
    await using world = await startWorld({ maxBytes: 400 * kib }, [small, larger]);
    const { mirror } = world;
    await pull(mirror, small);
    expect(await pull(mirror, larger)).toBe("PASS");
    expect(await pull(mirror, small)).toBe("HIT");
  });
});

describe("a manifest that tells a wrong size", () => {
  test("evicts nothing", async () => {
    const blobs = [1, 2, 3].map((each) => makeBlob(50 * kib, `here ${each}`));
    await using world = await startWorld({ maxBytes: 400 * kib }, blobs);
    const { mirror, registry } = world;
    for (const blob of blobs) await pull(mirror, blob);
    await settle(mirror);
    const layer = makeBlob(kib, "said to be large");
    registry.addBlob("library/app", layer);
    const { mediaType, digest } = layer;
    const layers = [{ mediaType, digest, size: 370 * kib }];
    const manifest = makeManifest(ociManifest, { layers });
    registry.addManifest("library/app", manifest);
    await mirror.get(`/v2/library/app/manifests/${manifest.digest}`);
    expect(await pull(mirror, layer)).toBe("MISS");
    for (const blob of blobs) expect(await pull(mirror, blob)).toBe("HIT");
  });
});

describe("a blob that is evicted", () => {
  const blob = makeBlob(8 * mib, "a layer");

  test("is read to its end by who reads it then", async () => {
    await using world = await startWorld({}, [blob]);
    const { mirror } = world;
    await pull(mirror, blob);
    await settle(mirror);
    const { body } = await mirror.open(pathOf(blob));
    const parts: Buffer[] = [];
    for await (const part of body) {
      if (parts.length === 0) expect(await evict(mirror, 0)).toMatchObject({ blobs: 1 });
      parts.push(part);
    }
    expect(Buffer.concat(parts).equals(blob.bytes)).toBe(true);
    expect(await isStored(mirror, blob)).toBe(false);
  });

  test("while it is asked for again and again comes whole every time", async () => {
    const small = [1, 2, 3].map((each) => makeBlob(20 * kib, `small ${each}`));
    await using world = await startWorld({}, small);
    const { mirror } = world;
    const over = new AbortController();
    const evicting = (async () => {
      while (!over.signal.aborted) {
        await evict(mirror, 0);
        await setImmediate();
      }
    })();
    const seen = new Set<string | undefined>();
    const pulling = small.map(async (each) => {
      for (let round = 0; round < 40; round += 1) seen.add(await pull(mirror, each));
    });
    await Promise.all(pulling);
    over.abort();
    await evicting;
    expect(seen.has("MISS")).toBe(true);
    const troubles = mirror.log.filter(({ level }) => ["warn", "error"].includes(level));
    expect(troubles).toEqual([]);
  });
});

describe("content that is used", () => {
  test("by a HEAD of its manifest outlives what is not", async () => {
    const images = ["a", "b", "c"].map((seed) => makeImage({ seed, layers: [100 * kib] }));
    await using world = await startWorld({ maxBytes: 250 * kib }, []);
    const { mirror, registry } = world;
    for (const [index, image] of images.entries()) {
      registry.addImage("library/app", `v${index}`, image);
    }
    for (const [index, image] of images.entries()) {
      await mirror.get(`/v2/library/app/manifests/v${index}`);
      for (const layer of image.layers) await pull(mirror, layer);
      await pass(mirror, 1000);
      await mirror.head("/v2/library/app/manifests/v0");
      await pass(mirror, 1000);
    }
    const layers = images.flatMap((image) => image.layers);
    expect(await Promise.all(layers.map((layer) => isStored(mirror, layer)))).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe("content that nobody uses", () => {
  test("expires in the background", async () => {
    const [old, fresh] = [makeBlob(10 * kib, "old"), makeBlob(10 * kib, "fresh")];
    await using world = await startWorld({ maxAgeMs: 90 * day }, [old, fresh]);
    const { mirror } = world;
    await pull(mirror, old);
    await pass(mirror, 91 * day);
    // Something that comes makes the mirror look around.
    await pull(mirror, fresh);
    await eventually("it has expired", async () => !(await isStored(mirror, old)));
    expect(await pull(mirror, fresh)).toBe("HIT");
    expect(mirror.log).toContainEqual(expect.objectContaining({ msg: "evicted", reason: "age" }));
  });
});
