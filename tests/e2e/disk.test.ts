import { describe, expect, test } from "@jest/globals";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { download } from "../support/e2e-http.ts";
import { makeRunnableImage } from "../support/e2e-images.ts";
import { run } from "../support/e2e-process.ts";
import { pushImage } from "../support/e2e-push.ts";
import { World } from "../support/e2e-world.ts";
import type { TestImage } from "../support/images.ts";
import { makeTempDir } from "../support/temp-dir.ts";

const MIB = 1024 * 1024;

/** A file system of its own, so small that the image of these tests does not fit. */
async function mountSmallDisk() {
  await using owned = new AsyncDisposableStack();
  const directory = owned.use(await makeTempDir());
  const path = join(directory.path, "disk");
  await mkdir(path);
  const all = owned.move();
  const mount = async (...args: string[]) => {
    await run("mount", [...args, path]);
    all.defer(async () => {
      await run("umount", [path]);
    });
  };
  await mount("-t", "tmpfs", "-o", "size=12m", "tmpfs");
  /** For all that is opened from now on. A remount of the disk itself fails while it is in use. */
  const makeReadOnly = async () => {
    await mount("--bind", path);
    await run("mount", ["-o", "remount,bind,ro", path]);
  };
  return { path, makeReadOnly, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function pushApp({ directory, hub }: World, seed: string): Promise<TestImage> {
  const image = await makeRunnableImage(directory, { seed, layers: [32 * MIB, 1 * MIB] });
  await pushImage(hub.pushUrl, "library/app", seed, image);
  return image;
}

/** Pulls as a client does; gives how each blob was answered. */
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

describe("a mirror without room", () => {
  test("passes on what does not fit on its disk, right and uncached", async () => {
    await using disk = await mountSmallDisk();
    await using world = await World.start({ storagePath: disk.path });
    const image = await pushApp(world, "big");
    await pull(world, image, "big");
    expect(await pull(world, image, "big")).toContain("PASS");
  });

  test("passes everything on when its disk has become read-only", async () => {
    await using disk = await mountSmallDisk();
    await using world = await World.start({ storagePath: disk.path });
    const image = await pushApp(world, "first");
    await disk.makeReadOnly();
    const answers = await pull(world, image, "first");
    expect(new Set(answers)).toEqual(new Set(["PASS"]));
  });

  test("starts and passes everything on when its disk is read-only already", async () => {
    await using disk = await mountSmallDisk();
    await using world = await World.start({ storagePath: disk.path });
    const image = await pushApp(world, "late");
    await disk.makeReadOnly();
    await world.mirror.restart();
    const answers = await pull(world, image, "late");
    expect(new Set(answers)).toEqual(new Set(["PASS"]));
  });

  test("starts and passes everything on when its disk is full already", async () => {
    await using disk = await mountSmallDisk();
    await using world = await World.start({ storagePath: disk.path });
    const image = await pushApp(world, "full");
    // Fails for want of room, as it is meant to.
    await writeFile(join(disk.path, "ballast"), Buffer.alloc(20 * MIB)).catch(() => undefined);
    await world.mirror.restart();
    const [, ...layers] = await pull(world, image, "full");
    expect(new Set(layers)).toEqual(new Set(["PASS"]));
  });
});
