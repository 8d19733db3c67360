import type { Manifest } from "../../src/oci/manifest.ts";
import type { TestBlob, TestImage, TestIndex } from "./images.ts";

const BLOBS_AT_ONCE = 8;

/** Pushes an image to a registry that asks nobody for a token; `reference` may be its digest. */
export async function pushImage(
  registryUrl: string,
  name: string,
  reference: string,
  image: TestImage,
): Promise<void> {
  const repositoryUrl = `${registryUrl}/v2/${name}`;
  const blobs = [image.config, ...image.layers];
  for (let first = 0; first < blobs.length; first += BLOBS_AT_ONCE) {
    const some = blobs.slice(first, first + BLOBS_AT_ONCE);
    await Promise.all(some.map((blob) => pushBlob(repositoryUrl, blob)));
  }
  await pushManifest(repositoryUrl, reference, image.manifest);
}

export async function pushIndex(
  registryUrl: string,
  name: string,
  tag: string,
  index: TestIndex,
): Promise<void> {
  for (const image of index.images) {
    await pushImage(registryUrl, name, image.manifest.digest, image);
  }
  await pushManifest(`${registryUrl}/v2/${name}`, tag, index.manifest);
}

/** Pushes a manifest with what it needs of these blobs. */
export async function pushArtifact(
  repositoryUrl: string,
  reference: string,
  manifest: Manifest,
  blobs: TestBlob[] = [],
): Promise<void> {
  for (const blob of blobs) await pushBlob(repositoryUrl, blob);
  await pushManifest(repositoryUrl, reference, manifest);
}

async function pushBlob(repositoryUrl: string, { bytes, digest }: TestBlob): Promise<void> {
  const begun = await fetch(`${repositoryUrl}/blobs/uploads/`, { method: "POST" });
  await expectStatus(begun, 202);
  const url = new URL(begun.headers.get("location") ?? "", repositoryUrl);
  url.searchParams.set("digest", digest);
  await expectStatus(await fetch(url, { method: "PUT", body: new Uint8Array(bytes) }), 201);
}

async function pushManifest(
  repositoryUrl: string,
  reference: string,
  { bytes, mediaType }: Manifest,
): Promise<void> {
  const url = `${repositoryUrl}/manifests/${reference}`;
  const headers = { "content-type": mediaType };
  await expectStatus(
    await fetch(url, { method: "PUT", headers, body: new Uint8Array(bytes) }),
    201,
  );
}

async function expectStatus(response: Response, status: number): Promise<void> {
  const body = await response.text();
  if (response.status !== status) throw new Error(`${response.url}: ${response.status} ${body}`);
}
