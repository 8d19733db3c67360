import { createCipheriv, createHash } from "node:crypto";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf, type Digest } from "../../src/oci/digest.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { ociIndex, ociManifest } from "../../src/oci/media-type.ts";

export interface TestBlob {
  mediaType: string;
  digest: Digest;
  bytes: Buffer;
}

export interface TestImage {
  manifest: Manifest;
  config: TestBlob;
  layers: TestBlob[];
}

export interface TestIndex {
  manifest: Manifest;
  images: TestImage[];
}

const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
const configType = "application/vnd.oci.image.config.v1+json";

/** Bytes that look random and are the same for the same seed; 1 GiB/s or so. */
export function pseudoRandomBytes(size: number, seed: string): Buffer {
  const key = createHash("sha256").update(seed).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

export function makeBlob(size: number, seed = `blob of ${size}`): TestBlob {
  return blobOf(pseudoRandomBytes(size, seed), layerType);
}

/** An OCI image with one layer per given size. */
export function makeImage(options: { layers?: number[]; seed?: string } = {}): TestImage {
  const { layers: sizes = [1000, 2000], seed = "image" } = options;
  const layers = sizes.map((size, index) => makeBlob(size, `${seed} layer ${index}`));
  return makeImageOf(layers, seed);
}

/** An OCI image of these layers, which it may share with others. */
export function makeImageOf(layers: TestBlob[], seed: string): TestImage {
  const config = blobOf(
    jsonBytes({
      architecture: "amd64",
      os: "linux",
      config: { Labels: { seed } },
      rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.digest) },
    }),
    configType,
  );
  const manifest = makeManifest(ociManifest, {
    config: describeBlob(config),
    layers: layers.map(describeBlob),
  });
  return { manifest, config, layers };
}

export function makeIndex(images: TestImage[]): TestIndex {
  const manifests = images.map(({ manifest }) => describeManifest(manifest));
  return { manifest: makeManifest(ociIndex, { manifests }), images };
}

/** A manifest of any type and content, with the digest of its bytes. */
export function makeManifest(mediaType: string, content: object): Manifest {
  const bytes = jsonBytes({ schemaVersion: 2, mediaType, ...content });
  return { mediaType, bytes, digest: digestOf(bytes) };
}

function blobOf(bytes: Buffer, mediaType: string): TestBlob {
  return { mediaType, bytes, digest: digestOf(bytes) };
}

function describeBlob({ mediaType, digest, bytes }: TestBlob): Descriptor {
  return { mediaType, digest, size: bytes.length };
}

function describeManifest({ mediaType, digest, bytes }: Manifest): Descriptor {
  return { mediaType, digest, size: bytes.length };
}

function jsonBytes(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
