import { asDigest, type Digest } from "../../oci/digest.ts";
import { RegistryError } from "../../oci/errors.ts";
import { formatPullName, parsePullName, type PullName } from "../../oci/pull-name.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import { walkPages } from "./pages.ts";
import { unknownName, unknownRepository } from "./unknown-name.ts";

/** One name that is to go, and what it stands for. */
export type RemovalPlan =
  | { kind: "tag"; name: string; repository: QualifiedName; tag: Tag }
  | { kind: "manifest"; name: string; repository: QualifiedName; digest: Digest; tags: Tag[] }
  | { kind: "repository"; name: string; repository: QualifiedName; tags: Tag[] };

export interface PlanStores {
  metadata: Pick<MetadataStore, "findTag" | "listTags">;
  inventory: InventoryStore;
}

const pageSize = 500;

/** Throws RegistryError where there is no such thing, or it is none of what can be removed. */
export async function planRemoval(
  text: string,
  allTags: boolean,
  stores: PlanStores,
  signal: AbortSignal,
): Promise<RemovalPlan> {
  const digest = asDigest(text);
  if (digest !== undefined) throw await bareDigest(digest, stores);
  const name = parsePullName(text);
  if (allTags) return planRepository(text, name, stores, signal);
  return name.reference.kind === "tag"
    ? planTag(name, name.reference.tag, stores, signal)
    : planManifest(name, name.reference.digest, stores, signal);
}

async function bareDigest(digest: Digest, { inventory }: PlanStores): Promise<RegistryError> {
  const [repository] = await inventory.listRepositoriesOf(digest);
  const example = `${repository ?? "NAME"}@${digest}`;
  const message = `manifests are removed from a repository; write it, too: ${example}`;
  return new RegistryError("NAME_INVALID", message);
}

async function planTag(
  name: PullName,
  tag: Tag,
  stores: PlanStores,
  signal: AbortSignal,
): Promise<RemovalPlan> {
  const { repository, reference } = name;
  if (!(await stores.metadata.findTag(repository, tag))) {
    throw await unknownName(name, stores, signal);
  }
  return { kind: "tag", name: formatPullName(repository, reference), repository, tag };
}

async function planManifest(
  name: PullName,
  digest: Digest,
  stores: PlanStores,
  signal: AbortSignal,
): Promise<RemovalPlan> {
  const { repository, reference } = name;
  const { inventory } = stores;
  const repositories = await inventory.listRepositoriesOf(digest);
  const isHere = (await inventory.summarizeManifest(digest)) !== undefined;
  if (!isHere && (await inventory.summarizeBlob(digest))) {
    const message = `${digest} is a blob; blobs go with the manifests that refer to them, or by eviction`;
    throw new RegistryError("UNSUPPORTED", message);
  }
  if (!isHere || !repositories.includes(repository)) throw await unknownName(name, stores, signal);
  const tags = (await inventory.listTagsOf(digest))
    .filter((each) => each.repository === repository)
    .map(({ tag }) => tag);
  const formatted = formatPullName(repository, reference);
  return { kind: "manifest", name: formatted, repository, digest, tags };
}

async function planRepository(
  text: string,
  { repository, isTagImplied }: PullName,
  stores: PlanStores,
  signal: AbortSignal,
): Promise<RemovalPlan> {
  if (!isTagImplied) {
    const message = `"${text}" names one tag or manifest; to remove all tags, name a repository only`;
    throw new RegistryError("NAME_INVALID", message);
  }
  const { tags: tagCount, manifests } = await stores.inventory.summarizeRepository(repository);
  if (tagCount === 0 && manifests === 0) {
    const what = `nothing of ${repository} is here`;
    throw await unknownRepository(what, repository, stores.inventory, signal);
  }
  const tags: Tag[] = [];
  const pages = walkPages<Tag>(
    (after) => stores.metadata.listTags(repository, { ...(after && { after }), limit: pageSize }),
    signal,
  );
  for await (const page of pages) tags.push(...page);
  return { kind: "repository", name: repository, repository, tags };
}
