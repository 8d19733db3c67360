import type { Descriptor } from "../../src/oci/descriptor.ts";
import { ociManifest } from "../../src/oci/media-type.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { makeManifest } from "../../tests/support/images.ts";
import { RandomSource } from "../../tests/support/random-source.ts";
import type { BenchBlob, BenchUpstream } from "../upstream/upstream.ts";

/** An image as it is pulled. */
export interface BenchImage {
  repository: string;
  tag: string;
  /** Of its manifest. */
  digest: Digest;
  /** Config and layers. */
  blobs: BenchBlob[];
}

const imagesPerBase = 20;
/** Of all bytes; the layers of a base are in many images. */
const baseShare = 0.12;
/** How an image's bytes are divided among its layers: one large, some small. */
const baseParts = [0.75, 0.2, 0.05];
const ownParts = [0.7, 0.2, 0.08, 0.02];
const configBytes = 4096;
const smallestBytes = 64;

/** Publishes images of so many bytes in all, with bases in common; the same ones each time. */
export async function publishImages(
  upstream: BenchUpstream,
  { count, bytes }: { count: number; bytes: number },
): Promise<BenchImage[]> {
  const random = new RandomSource(1);
  const baseCount = Math.ceil(count / imagesPerBase);
  const bases = await addGroups(upstream, baseCount, () =>
    divide((bytes * baseShare) / baseCount, baseParts),
  );
  const owns = await addGroups(upstream, count, () => {
    const around = 0.5 + random.below(1000) / 1000;
    return [configBytes, ...divide(((bytes * (1 - baseShare)) / count) * around, ownParts)];
  });
  const images = owns.map(([config, ...layers], index) =>
    describe(`bench/image-${index}`, config, [...random.pick(bases), ...layers]),
  );
  await upstream.addManifests(images.map(({ manifest }) => manifest));
  return images.map(({ image }) => image);
}

/** Groups of blobs, added in one go. */
async function addGroups(
  upstream: BenchUpstream,
  count: number,
  makeSizes: () => number[],
): Promise<BenchBlob[][]> {
  const groups = Array.from({ length: count }, makeSizes);
  const blobs = await upstream.addBlobs(groups.flat());
  return groups.map(({ length }) => blobs.splice(0, length));
}

function divide(bytes: number, parts: readonly number[]): number[] {
  return parts.map((part) => Math.max(smallestBytes, Math.round(bytes * part)));
}

function describe(repository: string, config: BenchBlob | undefined, layers: BenchBlob[]) {
  if (!config) throw new Error(`${repository} has no config`);
  const tag = "latest";
  const { mediaType, bytes, digest } = makeManifest(ociManifest, {
    config: describeBlob("application/vnd.oci.image.config.v1+json", config),
    layers: layers.map((layer) =>
      describeBlob("application/vnd.oci.image.layer.v1.tar+gzip", layer),
    ),
  });
  const blobs = [config, ...layers].map((blob) => ({
    ...blob,
    path: `/v2/${repository}/blobs/${blob.digest}`,
  }));
  return {
    image: { repository, tag, digest, blobs } satisfies BenchImage,
    manifest: { repository, tag, mediaType, text: bytes.toString() },
  };
}

function describeBlob(mediaType: string, { digest, size }: BenchBlob): Descriptor {
  return { mediaType, digest, size };
}
