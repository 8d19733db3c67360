import { asDigest, type Digest } from "../../oci/digest.ts";
import { RegistryError } from "../../oci/errors.ts";
import { parsePullName } from "../../oci/pull-name.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import type { StoredBlob, StoredContent, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import { listBelow } from "./manifest-references.ts";
import { walkPages } from "./pages.ts";
import { unknownName } from "./unknown-name.ts";

export interface VerifyScopeStores {
  metadata: Pick<MetadataStore, "findTag" | "listTags">;
  inventory: Pick<
    InventoryStore,
    | "listReferrers"
    | "listRepositories"
    | "listRepositoriesOf"
    | "summarizeBlob"
    | "summarizeManifest"
  >;
  upkeep: Pick<UpkeepStore, "listBlobs" | "listLeastUsed" | "measureBlobs">;
}

/** What is to be verified. Whatever of it goes away meanwhile need not be. */
export interface VerifyScope {
  /** Of the blobs, as they are recorded. */
  total: { blobs: number; bytes: number };
  manifests: AsyncIterable<Digest> | Iterable<Digest>;
  blobs: AsyncIterable<StoredBlob> | Iterable<StoredBlob>;
}

const pageSize = 500;

export async function wholeCache(
  { upkeep }: VerifyScopeStores,
  signal: AbortSignal,
): Promise<VerifyScope> {
  const { count, bytes } = await upkeep.measureBlobs();
  return {
    total: { blobs: count, bytes },
    manifests: listManifests(upkeep, signal),
    blobs: listBlobs(upkeep, signal),
  };
}

/**
 * A tag's or a digest's content and all below it, as far as it is here. `name` may be a digest
 * alone. Throws RegistryError where nothing of it is here.
 */
export async function belowName(
  name: string,
  stores: VerifyScopeStores,
  signal: AbortSignal,
): Promise<VerifyScope> {
  const root = asDigest(name) ?? (await findRoot(name, stores, signal));
  const manifests: Digest[] = [];
  const blobs: StoredBlob[] = [];
  for (const digest of await listBelow(stores.inventory, root)) {
    signal.throwIfAborted();
    if (await stores.inventory.summarizeManifest(digest)) manifests.push(digest);
    const blob = await stores.inventory.summarizeBlob(digest);
    if (blob) blobs.push(blob);
  }
  if (manifests.length + blobs.length === 0) {
    throw new RegistryError("MANIFEST_UNKNOWN", `neither manifest nor blob ${root} is here`);
  }
  const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
  return { total: { blobs: blobs.length, bytes }, manifests, blobs };
}

async function findRoot(
  text: string,
  stores: VerifyScopeStores,
  signal: AbortSignal,
): Promise<Digest> {
  const name = parsePullName(text);
  const { repository, reference } = name;
  if (reference.kind === "tag") {
    const record = await stores.metadata.findTag(repository, reference.tag);
    if (record) return record.digest;
  } else {
    const repositories = await stores.inventory.listRepositoriesOf(reference.digest);
    if (repositories.includes(repository)) return reference.digest;
  }
  throw await unknownName(name, stores, signal);
}

async function* listManifests(
  upkeep: VerifyScopeStores["upkeep"],
  signal: AbortSignal,
): AsyncGenerator<Digest> {
  const pages = walkPages<StoredContent>(
    (after) => upkeep.listLeastUsed("manifest", { after, limit: pageSize }),
    signal,
  );
  // One that is used meanwhile comes again.
  const seen = new Set<Digest>();
  for await (const page of pages) {
    for (const { digest } of page) {
      if (seen.has(digest)) continue;
      seen.add(digest);
      yield digest;
    }
  }
}

async function* listBlobs(
  upkeep: VerifyScopeStores["upkeep"],
  signal: AbortSignal,
): AsyncGenerator<StoredBlob> {
  const pages = walkPages<StoredBlob>(
    (last) => upkeep.listBlobs({ after: last?.digest, limit: pageSize }),
    signal,
  );
  for await (const page of pages) yield* page;
}
