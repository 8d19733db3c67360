import { describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { digestHex } from "../../src/oci/digest.ts";
import { ContainerTools } from "../support/e2e-containers.ts";
import { SmallDisk } from "../support/e2e-disk.ts";
import { download, type Download } from "../support/e2e-http.ts";
import { pushImage } from "../support/e2e-push.ts";
import { measureStored, SpaceWatch, sumBytes } from "../support/e2e-space-watch.ts";
import { World } from "../support/e2e-world.ts";
import { makeImage, type TestImage } from "../support/images.ts";
import { blobFile } from "../support/storage-files.ts";
import { eventually } from "../support/wait.ts";

const MIB = 1024 * 1024;
const LIMIT = 60 * MIB;
/** Above it eviction begins in the background. */
const HIGH_MARK = 0.95 * LIMIT;
const LAYER = 8 * MIB;
const CLIENTS = Array.from({ length: 8 }, (_, index) => String(index));

/** 128 MiB each, with nothing in common. */
async function pushImages({ hub }: World): Promise<Map<string, TestImage>> {
  const images = new Map<string, TestImage>();
  for (const client of CLIENTS) {
    const layers = Array.from({ length: 16 }, () => LAYER);
    const image = makeImage({ seed: `client ${client}`, layers });
    await pushImage(hub.pushUrl, `library/app${client}`, "1", image);
    images.set(client, image);
  }
  return images;
}

function startSmallCache(storagePath?: string): Promise<World> {
  const storage = { maxSize: "60MiB", minFree: "off" };
  return World.start({ storage, ...(storagePath !== undefined && { storagePath }) });
}

describe("a cache of 60 MiB while 1 GiB is pulled by eight clients at once", () => {
  test("gives every client the right bytes, and stays within its limit all the time", async () => {
    await using disk = await SmallDisk.mount(400);
    await using world = await startSmallCache(disk.path);
    const { directory, mirror } = world;
    const images = await pushImages(world);
    const tools = await ContainerTools.create(join(directory, "tools"), mirror.host);
    await mkdir(join(directory, "copy"));
    const watch = new SpaceWatch(disk.path);

    // skopeo checks the digest of all that it copies, and asks for one blob at a time.
    const copies = CLIENTS.map((client) => {
      const target = `dir:${join(directory, "copy", client)}`;
      return tools.skopeo(["copy", `docker://docker.io/library/app${client}:1`, target]);
    });
    await Promise.all(copies);

    await watch.stop();
    for (const [client, { layers }] of images) {
      const copied = await readdir(join(directory, "copy", client));
      expect(copied).toEqual(expect.arrayContaining(layers.map(({ digest }) => digestHex(digest))));
    }
    expect(watch.peakBytes).toBeLessThanOrEqual(LIMIT);
    // What is evicted while a client reads it is taken until then.
    expect(watch.peakBytesOnDisk).toBeLessThanOrEqual(LIMIT + CLIENTS.length * LAYER);
    // It kept, and evicted, many of them.
    expect(watch.peakBytes).toBeGreaterThan(LIMIT / 2);
    expect(watch.seen.size).toBeGreaterThan(3 * (LIMIT / LAYER));
    await eventually("eviction to end", async () => {
      return sumBytes(await measureStored(disk.path)) <= HIGH_MARK;
    });
    expect(JSON.parse(await mirror.command("stats", "--json"))).toMatchObject({
      space: { blobBytes: sumBytes(await measureStored(disk.path)), partialBytes: 0 },
      downloads: [],
    });
  });
});

interface Layers {
  urls: string[];
  files: string[];
  /** Of all of them. */
  bytes: number;
}

/** An image of many small layers, all in the cache. */
async function fillCache({ hub, mirror }: World): Promise<Layers> {
  const sizes = Array.from({ length: 300 }, (_, index) => 25_000 + index);
  const image = makeImage({ seed: "evicted", layers: sizes });
  await pushImage(hub.pushUrl, "library/app", "1", image);
  const digests = image.layers.map(({ digest }) => digest);
  const urls = digests.map((digest) => `${mirror.url}/v2/library/app/blobs/${digest}`);
  await downloadAll(urls);
  const files = digests.map((digest) => blobFile(mirror.storagePath, digest));
  return { urls, files, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Several at a time; each must come right. */
async function downloadAll(urls: string[]): Promise<Download[]> {
  const answers: Download[] = [];
  for (let first = 0; first < urls.length; first += 8) {
    const some = urls.slice(first, first + 8);
    for (const [index, answer] of (await Promise.all(some.map(download))).entries()) {
      expect(answer.status).toBe(200);
      expect(some[index]).toContain(answer.digest);
      answers.push(answer);
    }
  }
  return answers;
}

async function listRecorded({ mirror }: World): Promise<string[]> {
  const entries: { digest: string }[] = JSON.parse(await mirror.command("ls", "--blobs", "--json"));
  return entries.map(({ digest }) => digest.replace("sha256:", "")).toSorted();
}

/** Neither files without a record nor records without a file. */
async function untilAllAgrees(world: World): Promise<string[]> {
  return eventually("records and files agree", async () => {
    const files = [...(await measureStored(world.mirror.storagePath)).keys()].toSorted();
    const recorded = await listRecorded(world);
    return recorded.join() === files.join() ? recorded : undefined;
  });
}

/** Looks without a pause, as an eviction is soon over. */
async function untilGone(files: string[], count: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (files.filter((file) => !existsSync(file)).length < count) {
    if (Date.now() > deadline) throw new Error("waited in vain for an eviction");
    await setImmediate();
  }
}

describe("kill -9 in the middle of an eviction", () => {
  test("leaves no orphans behind the next start, and every blob comes right", async () => {
    await using world = await startSmallCache();
    const { mirror } = world;
    const { urls, files, bytes } = await fillCache(world);
    let interrupted = 0;

    for (const goneAtKill of [1, 50, 100]) {
      await using evicting = mirror.launch("evict", "--to", "1MiB");
      await untilGone(files, goneAtKill);
      await mirror.kill();
      const bytesLeft = (files.filter(existsSync).length / files.length) * bytes;
      if (bytesLeft > 2 * MIB) {
        interrupted += 1;
        expect(await evicting.exited).toBe(1);
        expect(evicting.standardError).toMatch(/^error: .*server/);
      }
      await mirror.start();
      const kept = await untilAllAgrees(world);
      const answers = await downloadAll(urls);
      expect(answers.filter(({ cache }) => cache === "HIT")).toHaveLength(kept.length);
      expect(await untilAllAgrees(world)).toHaveLength(files.length);
    }
    expect(interrupted).toBeGreaterThan(0);
  });
});
