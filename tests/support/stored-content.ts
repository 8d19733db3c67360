import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf, type Digest } from "../../src/oci/digest.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { ociManifest } from "../../src/oci/media-type.ts";
import { parseTag } from "../../src/oci/reference.ts";
import { parseRepositoryName, qualifyName } from "../../src/oci/repository-name.ts";
import type { ManifestToSave, MetadataStore } from "../../src/store/metadata/metadata-store.ts";

export const node = qualifyName("docker.io", parseRepositoryName("library/node"));
export const redis = qualifyName("docker.io", parseRepositoryName("library/redis"));
export const latest = parseTag("latest");

export function makeDigest(seed: string): Digest {
  return digestOf(Buffer.from(seed));
}

export function makeManifest(seed: string, mediaType = ociManifest): Manifest {
  const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, seed }));
  return { digest: digestOf(bytes), mediaType, bytes };
}

export function makeDescriptor(seed: string, size: number): Descriptor {
  return {
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    digest: makeDigest(seed),
    size,
  };
}

export function makeSave(manifest: Manifest, given: Partial<ManifestToSave> = {}): ManifestToSave {
  return { repository: node, manifest, references: [], subject: undefined, at: 1000, ...given };
}

/** Saves the manifest of that seed, which refers to manifests and blobs of other seeds. */
export async function saveGraph(
  store: MetadataStore,
  seed: string,
  given: Partial<Omit<ManifestToSave, "manifest" | "references" | "subject">> & {
    manifests?: string[];
    blobs?: string[];
    subject?: string;
  } = {},
): Promise<Digest> {
  const { manifests = [], blobs = [], subject, ...rest } = given;
  const manifest = makeManifest(seed);
  const children = manifests.map((child) => {
    const { digest, mediaType, bytes } = makeManifest(child);
    return { digest, mediaType, size: bytes.length };
  });
  const references = [...children, ...blobs.map((blob) => makeDescriptor(blob, 10))];
  const about = subject === undefined ? undefined : makeManifest(subject).digest;
  await store.saveManifest(makeSave(manifest, { ...rest, references, subject: about }));
  return manifest.digest;
}

export async function saveBlobs(store: MetadataStore, seeds: string[], at = 1000): Promise<void> {
  for (const seed of seeds) {
    await store.saveBlob(makeDigest(seed), { size: 10, checkedAt: at }, at);
  }
}
