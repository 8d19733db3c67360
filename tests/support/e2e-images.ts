import { copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import { digestOf } from "../../src/oci/digest.ts";
import { dockerList, dockerManifest } from "../../src/oci/media-type.ts";
import { run } from "./e2e-process.ts";
import {
  makeManifest,
  pseudoRandomBytes,
  type TestBlob,
  type TestImage,
  type TestIndex,
} from "./images.ts";

const LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const CONFIG_TYPE = "application/vnd.docker.container.image.v1+json";
const BUSYBOX = "/bin/busybox";
const APPLETS = ["sh", "cat", "echo", "ls", "sha256sum"];

interface Layer extends TestBlob {
  /** Digest of the tar file within. */
  diffId: string;
}

export interface RunnableImageOptions {
  architecture?: string;
  /** Sizes of the layers above the one with the programs, in bytes. */
  layers?: number[];
  /** Other seed, other content; it is also what /seed says. */
  seed: string;
}

/**
 * An image from nothing that a container can be started from. The file /content/0 and so on fills
 * one layer each and does not compress.
 */
export async function makeRunnableImage(
  directory: string,
  options: RunnableImageOptions,
): Promise<TestImage> {
  const { architecture = "amd64", layers: sizes = [], seed } = options;
  const root = join(directory, `rootfs-${seed}`);
  const layers = [await programLayer(join(root, "programs"), seed)];
  for (const [index, size] of sizes.entries()) {
    const bytes = pseudoRandomBytes(size, `${seed} ${index}`);
    layers.push(await fileLayer(join(root, String(index)), `content/${index}`, bytes));
  }
  await rm(root, { recursive: true });
  return imageOf(layers, architecture);
}

/** By architecture, all for Linux. */
export function makePlatformIndex(images: Record<string, TestImage>): TestIndex {
  const manifests = Object.entries(images).map(([architecture, { manifest }]) => ({
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    platform: { os: "linux", architecture },
  }));
  const manifest = makeManifest(dockerList, { manifests });
  return { manifest, images: Object.values(images) };
}

function imageOf(layers: Layer[], architecture: string): TestImage {
  const bytes = Buffer.from(
    JSON.stringify({
      architecture,
      os: "linux",
      config: { Cmd: ["/bin/cat", "/seed"] },
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(() => ({ created_by: "tar" })),
    }),
  );
  const config = { mediaType: CONFIG_TYPE, bytes, digest: digestOf(bytes) };
  const manifest = makeManifest(dockerManifest, {
    config: describe(config),
    layers: layers.map(describe),
  });
  return { manifest, config, layers };
}

async function programLayer(directory: string, seed: string): Promise<Layer> {
  const bin = join(directory, "bin");
  await mkdir(bin, { recursive: true });
  await copyFile(BUSYBOX, join(bin, "busybox"));
  for (const applet of APPLETS) await symlink("busybox", join(bin, applet));
  await writeFile(join(directory, "seed"), seed);
  return layerOf(directory);
}

async function fileLayer(directory: string, path: string, bytes: Buffer): Promise<Layer> {
  await mkdir(dirname(join(directory, path)), { recursive: true });
  await writeFile(join(directory, path), bytes);
  return layerOf(directory);
}

async function layerOf(directory: string): Promise<Layer> {
  const file = `${directory}.tar`;
  await run("tar", ["-C", directory, "--owner=0", "--group=0", "-cf", file, "."]);
  const tar = await readFile(file);
  const bytes = gzipSync(tar, { level: constants.Z_BEST_SPEED });
  return { mediaType: LAYER_TYPE, bytes, digest: digestOf(bytes), diffId: digestOf(tar) };
}

function describe({ mediaType, digest, bytes }: TestBlob): object {
  return { mediaType, digest, size: bytes.length };
}
