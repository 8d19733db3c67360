import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { digestHex, digestOf, type Digest } from "../../src/oci/digest.ts";
import { ociManifest } from "../../src/oci/media-type.ts";
import { parseRepositoryName, qualifyName } from "../../src/oci/repository-name.ts";
import { SqliteMetadataStore } from "../../src/store/metadata/sqlite-metadata-store.ts";
import { makeManifest } from "../../tests/support/images.ts";

interface FillOptions {
  storage: string;
  /** Each of so many bytes, as sparse as can be. */
  blobs: { count: number; bytes: number };
  /** One in so many blobs has no file, and one no record; Infinity: none. */
  flawedEvery: number;
  signal: AbortSignal;
}

const layersPerManifest = 10;
const filesAtOnce = 64;

/** Every tenth manifest is there. */
export const pinnedRepository = "bench/pinned";
const otherRepository = "bench/other";

/** A storage as a mirror leaves it: manifests of ten layers each, used in their order → paths of the manifests. */
export async function fillStorage(options: FillOptions): Promise<string[]> {
  const { storage, blobs, flawedEvery, signal } = options;
  const log = pino({ level: "silent" });
  const path = join(storage, "metadata.db");
  await using metadata = await SqliteMetadataStore.open({ path, log });
  await metadata.finishRebuild();
  await makeDirectories(storage);
  const paths: string[] = [];
  for (let first = 0; first < blobs.count; first += layersPerManifest) {
    signal.throwIfAborted();
    const isPinned = (first / layersPerManifest) % 10 === 0;
    const indexes = Array.from({ length: layersPerManifest }, (_, each) => first + each);
    const recorded = indexes.filter((index) => index % flawedEvery !== 1);
    const repository = isPinned ? pinnedRepository : otherRepository;
    paths.push(await saveImage(metadata, { repository, indexes, recorded, bytes: blobs.bytes }));
  }
  const all = Array.from({ length: blobs.count }, (_, index) => index);
  const onDisk = all.filter((index) => index % flawedEvery !== 2);
  while (onDisk.length > 0) {
    signal.throwIfAborted();
    const some = onDisk.splice(-filesAtOnce);
    await Promise.all(some.map((index) => makeFile(storage, index, blobs.bytes)));
  }
  return paths;
}

async function saveImage(
  metadata: SqliteMetadataStore,
  image: { repository: string; indexes: number[]; recorded: number[]; bytes: number },
): Promise<string> {
  const { indexes, recorded, bytes } = image;
  const repository = qualifyName("docker.io", parseRepositoryName(image.repository));
  const references = indexes.map((index) => ({
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    digest: digestOfBlob(index),
    size: bytes,
  }));
  const manifest = makeManifest(ociManifest, { layers: references });
  const at = Date.now();
  await metadata.saveManifest({ repository, manifest, references, subject: undefined, at });
  for (const index of recorded) {
    await metadata.saveBlob(digestOfBlob(index), { size: bytes, checkedAt: at }, at);
  }
  return `/v2/${image.repository}/manifests/${manifest.digest}`;
}

/** No file has these bytes: none is read. */
function digestOfBlob(index: number): Digest {
  return digestOf(Buffer.from(`blob ${index}`));
}

async function makeDirectories(storage: string): Promise<void> {
  for (let prefix = 0; prefix < 256; prefix += 1) {
    const name = prefix.toString(16).padStart(2, "0");
    await mkdir(join(storage, "blobs/sha256", name), { recursive: true });
  }
}

async function makeFile(storage: string, index: number, bytes: number): Promise<void> {
  const hex = digestHex(digestOfBlob(index));
  await using file = await open(join(storage, "blobs/sha256", hex.slice(0, 2), hex), "w");
  await file.truncate(bytes);
}
