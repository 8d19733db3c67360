import { describe, expect, test } from "@jest/globals";
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestHex, digestOf } from "../../src/oci/digest.ts";
import { ContainerTools } from "../support/e2e-containers.ts";
import { makeRunnableImage } from "../support/e2e-images.ts";
import { pushImage } from "../support/e2e-push.ts";
import { World } from "../support/e2e-world.ts";
import type { TestBlob, TestImage } from "../support/images.ts";
import { blobFile } from "../support/storage-files.ts";
import { eventually } from "../support/wait.ts";

const MIB = 1024 * 1024;

interface App {
  image: TestImage;
  /** The biggest. */
  layer: TestBlob;
  /** Pulls it with skopeo, which refuses wrong bytes, and looks at what came. */
  pull: () => Promise<void>;
}

async function pushApp({ directory, hub, mirror }: World): Promise<App> {
  const image = await makeRunnableImage(directory, { seed: "rot", layers: [4 * MIB, MIB] });
  await pushImage(hub.pushUrl, "library/app", "1", image);
  const tools = await ContainerTools.create(join(directory, "tools"), mirror.host);
  const target = join(directory, "copy");
  const pull = async () => {
    await tools.skopeo(["copy", "docker://docker.io/library/app:1", `dir:${target}`]);
    for (const { digest } of [image.config, ...image.layers]) {
      expect(digestOf(await readFile(join(target, digestHex(digest))))).toBe(digest);
    }
  };
  return { image, layer: biggest(image), pull };
}

function biggest({ layers }: TestImage): TestBlob {
  const [layer] = layers.toSorted((a, b) => b.bytes.length - a.bytes.length);
  if (!layer) throw new Error("the image has no layer");
  return layer;
}

/** One bit, as a disk that rots would; the file keeps its size. */
async function flipBit(storage: string, { digest, bytes }: TestBlob): Promise<void> {
  await using file = await open(blobFile(storage, digest), "r+");
  const position = Math.floor(bytes.length / 2);
  const flipped = Uint8Array.of((bytes[position] ?? 0) ^ 1);
  await file.write(flipped, 0, 1, position);
}

/** What was moved aside. */
async function listQuarantine(storage: string): Promise<string[]> {
  return readdir(join(storage, "quarantine")).catch(() => []);
}

describe("a bit that flips on the disk", () => {
  test("is found by the scrubber, and the blob is fetched again when it is pulled", async () => {
    // Every blob is due all the time.
    await using world = await World.start({ settings: { scrub: { every: "1s", rate: "100MiB" } } });
    const { hub, mirror } = world;
    const { image, layer, pull } = await pushApp(world);
    await pull();

    await flipBit(mirror.storagePath, layer);
    await eventually("it is moved aside", async () => {
      return (await listQuarantine(mirror.storagePath)).length === 1;
    });
    await pull();

    for (const each of [image.config, ...image.layers]) {
      expect(hub.downloadsOf(each.digest)).toBe(each === layer ? 2 : 1);
    }
    const { space, integrity } = JSON.parse(await mirror.command("stats", "--json"));
    expect(space.quarantinedBytes).toBeGreaterThanOrEqual(layer.bytes.length);
    expect(integrity.damagedSinceStart).toBe(1);
    await hub.goAway();
    await pull();
  });

  test("is found by entrepot verify, and healed by the next pull", async () => {
    await using world = await World.start();
    const { hub, mirror } = world;
    const { layer, pull } = await pushApp(world);
    await pull();

    await flipBit(mirror.storagePath, layer);
    await expect(mirror.command("verify", "--all")).rejects.toThrow(
      `${layer.digest} (4MiB of docker.io/library/app) has another digest`,
    );
    await pull();

    expect(hub.downloadsOf(layer.digest)).toBe(2);
    expect(await mirror.command("verify", "--all")).toContain("none damaged");
  });

  test("is healed by entrepot verify --repair, beside a running server and without", async () => {
    await using world = await World.start();
    const { hub, mirror } = world;
    const { layer, pull } = await pushApp(world);
    await pull();

    await flipBit(mirror.storagePath, layer);
    expect(await mirror.command("verify", "--all", "--repair")).toContain("1 damaged, 1 repaired");
    expect(hub.downloadsOf(layer.digest)).toBe(2);

    mirror.terminate();
    await mirror.exited();
    await flipBit(mirror.storagePath, layer);
    expect(await mirror.command("verify", "app:1", "--repair")).toContain("1 damaged, 1 repaired");
    expect(hub.downloadsOf(layer.digest)).toBe(3);
    expect(await mirror.command("verify", "--all")).toContain("none damaged");

    await hub.goAway();
    await mirror.start();
    await pull();
  });

  test("is told by entrepot verify --repair where upstream cannot be asked", async () => {
    await using world = await World.start();
    const { hub, mirror } = world;
    const { layer, pull } = await pushApp(world);
    await pull();
    await hub.goAway();

    await flipBit(mirror.storagePath, layer);
    await expect(mirror.command("verify", "app:1", "--repair")).rejects.toThrow("not repaired");

    await hub.comeBack();
    await pull();
    expect(await mirror.command("verify", "--all")).toContain("none damaged");
  });
});
