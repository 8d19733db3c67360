import { describe, expect, test } from "@jest/globals";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SmallDisk } from "../support/e2e-disk.ts";
import { download } from "../support/e2e-http.ts";
import { makeRunnableImage } from "../support/e2e-images.ts";
import { pushImage } from "../support/e2e-push.ts";
import { World } from "../support/e2e-world.ts";
import type { TestImage } from "../support/images.ts";

const MIB = 1024 * 1024;
/** So small that an image of three times that size does not fit. */
const DISK_MIB = 12;

async function pushApp(
  { directory, hub }: World,
  seed: string,
  layers = [32 * MIB, 1 * MIB],
): Promise<TestImage> {
  const image = await makeRunnableImage(directory, { seed, layers });
  await pushImage(hub.pushUrl, "library/app", seed, image);
  return image;
}

/** Pulls as a client does; gives how each blob was answered, the config first. */
async function pull({ mirror }: World, image: TestImage, tag: string): Promise<string[]> {
  const base = `${mirror.url}/v2/library/app`;
  const manifest = await download(`${base}/manifests/${tag}`);
  expect(manifest.digest).toBe(image.manifest.digest);
  const answers: string[] = [];
  for (const { digest } of [image.config, ...image.layers]) {
    const blob = await download(`${base}/blobs/${digest}`);
    expect(blob).toMatchObject({ status: 200, digest });
    answers.push(blob.cache ?? "");
  }
  return answers;
}

/** Somebody else fills the disk; fails for want of room, as it is meant to. */
async function fillUp(disk: SmallDisk): Promise<string> {
  const ballast = join(disk.path, "ballast");
  await writeFile(ballast, Buffer.alloc(2 * DISK_MIB * MIB)).catch(() => undefined);
  return ballast;
}

describe("a mirror on a disk that is smaller than storage.maxSize", () => {
  test("keeps what comes, image after image, in the place of what was used least", async () => {
    await using disk = await SmallDisk.mount(DISK_MIB);
    await using world = await World.start({ storagePath: disk.path });
    const seeds = ["a", "b", "c", "d", "e", "f"];
    for (const seed of seeds) {
      const image = await pushApp(world, seed, [2 * MIB, 1 * MIB]);
      expect(await pull(world, image, seed)).toEqual(["MISS", "MISS", "MISS", "MISS"]);
      expect(await pull(world, image, seed)).toEqual(["HIT", "HIT", "HIT", "HIT"]);
    }
    const { space } = JSON.parse(await world.mirror.command("stats", "--json"));
    expect(space.diskFree).toBeGreaterThanOrEqual(space.minFree);
  });

  test("keeps new content on a disk that somebody else fills, and keeps more once there is room", async () => {
    await using disk = await SmallDisk.mount(DISK_MIB);
    await using world = await World.start({ storagePath: disk.path });
    const old = await pushApp(world, "old", [2 * MIB, 2 * MIB]);
    const young = await pushApp(world, "young", [1 * MIB]);
    await pull(world, old, "old");

    const ballast = await fillUp(disk);
    await pull(world, young, "young");
    expect(await pull(world, young, "young")).toEqual(["HIT", "HIT", "HIT"]);

    await rm(ballast);
    await pull(world, old, "old");
    expect(await pull(world, old, "old")).toEqual(["HIT", "HIT", "HIT", "HIT"]);
    expect(await pull(world, young, "young")).toEqual(["HIT", "HIT", "HIT"]);
  });
});

describe("a mirror without room", () => {
  test("passes on what does not fit on its disk, right and uncached, and keeps the rest", async () => {
    await using disk = await SmallDisk.mount(DISK_MIB);
    await using world = await World.start({ storagePath: disk.path });
    const image = await pushApp(world, "big");
    expect(await pull(world, image, "big")).toEqual(["MISS", "MISS", "PASS", "MISS"]);
    expect(await pull(world, image, "big")).toEqual(["HIT", "HIT", "PASS", "HIT"]);
  });

  test("keeps what it has when something comes that the whole disk cannot take", async () => {
    await using disk = await SmallDisk.mount(DISK_MIB);
    const storage = { maxSize: "off", minFree: "off" };
    await using world = await World.start({ storagePath: disk.path, storage });
    const small = await pushApp(world, "small", [2 * MIB]);
    await pull(world, small, "small");
    const image = await pushApp(world, "big");
    await pull(world, image, "big");
    expect(await pull(world, small, "small")).toEqual(["HIT", "HIT", "HIT"]);
  });

  test("passes on what is larger than storage.maxSize, and keeps the rest", async () => {
    await using world = await World.start({ storage: { maxSize: "12MiB", minFree: "off" } });
    const image = await pushApp(world, "big");
    await pull(world, image, "big");
    expect(await pull(world, image, "big")).toEqual(["HIT", "HIT", "PASS", "HIT"]);
  });

  test("passes everything on when its disk has become read-only", async () => {
    await using disk = await SmallDisk.mount(DISK_MIB);
    await using world = await World.start({ storagePath: disk.path });
    const image = await pushApp(world, "first");
    await disk.makeReadOnly();
    const answers = await pull(world, image, "first");
    expect(new Set(answers)).toEqual(new Set(["PASS"]));
  });

  test("starts and passes everything on when its disk is read-only already", async () => {
    await using disk = await SmallDisk.mount(DISK_MIB);
    await using world = await World.start({ storagePath: disk.path });
    const image = await pushApp(world, "late");
    await disk.makeReadOnly();
    await world.mirror.restart();
    const answers = await pull(world, image, "late");
    expect(new Set(answers)).toEqual(new Set(["PASS"]));
  });

  test("starts and passes everything on when its disk is full already", async () => {
    await using disk = await SmallDisk.mount(DISK_MIB);
    await using world = await World.start({ storagePath: disk.path });
    const image = await pushApp(world, "full");
    await fillUp(disk);
    await world.mirror.restart();
    const [, ...layers] = await pull(world, image, "full");
    expect(new Set(layers)).toEqual(new Set(["PASS"]));
  });
});
