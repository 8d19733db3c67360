import type { Clock } from "../../clock.ts";
import { asDigest, type Digest } from "../../oci/digest.ts";
import { RegistryError } from "../../oci/errors.ts";
import { formatPullName, parsePullName } from "../../oci/pull-name.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import type { MetadataStore, TagRecord } from "../../store/metadata/metadata-store.ts";
import type { ReachingName, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import type { RuleBook } from "../rule-book.ts";
import { judgeFreshness } from "../tag-freshness.ts";
import { ManifestTree, type TreeStores } from "./manifest-tree.ts";
import type { Operations, Shown, TagState } from "./operations.ts";
import { describePin, listPinningRules } from "./pinned.ts";
import { unknownName } from "./unknown-name.ts";
import { findStandings } from "../pinning.ts";

export interface ShowOptions extends TreeStores {
  inventory: InventoryStore;
  metadata: Pick<MetadataStore, "findTag" | "listTags">;
  upkeep: Pick<UpkeepStore, "findStandings">;
  rules: Pick<RuleBook, "resolve" | "explain">;
  clock: Clock;
}

/** What a name leads to. */
interface Target {
  /** undefined: a digest that is linked to none. */
  repository: QualifiedName | undefined;
  digest: Digest;
  tag?: { name: Tag; record: TagRecord };
}

/** Takes a tag, a manifest or blob of a repository by its digest, and a digest alone. */
export function createShow(options: ShowOptions): Operations["show"] {
  return async ({ name }, { signal }) => {
    const digest = asDigest(name);
    const target =
      digest === undefined
        ? await findByName(name, options, signal)
        : await findByDigest(digest, options);
    const { repository, tag } = target;
    const upstream = repository?.slice(0, repository.indexOf("/"));
    return {
      name: formatTarget(target),
      ...(upstream !== undefined && { upstream }),
      ...(repository && tag && { tag: describeTag(repository, tag, options) }),
      ...(await readContent(target, options, signal)),
      ...(await describeStanding(target, options)),
    };
  };
}

async function findByName(
  text: string,
  options: ShowOptions,
  signal: AbortSignal,
): Promise<Target> {
  const name = parsePullName(text);
  const { repository, reference } = name;
  if (reference.kind === "tag") {
    const record = await options.metadata.findTag(repository, reference.tag);
    if (!record) throw await unknownName(name, options, signal);
    return { repository, digest: record.digest, tag: { name: reference.tag, record } };
  }
  const { digest } = reference;
  const repositories = await options.inventory.listRepositoriesOf(digest);
  if (!repositories.includes(repository) || !(await isHere(digest, options))) {
    throw await unknownName(name, options, signal);
  }
  return { repository, digest };
}

async function findByDigest(digest: Digest, options: ShowOptions): Promise<Target> {
  if (!(await isHere(digest, options))) {
    throw new RegistryError("MANIFEST_UNKNOWN", `neither manifest nor blob ${digest} is here`);
  }
  const [repository] = await options.inventory.listRepositoriesOf(digest);
  return { repository, digest };
}

async function isHere(digest: Digest, { inventory }: ShowOptions): Promise<boolean> {
  if (await inventory.summarizeManifest(digest)) return true;
  return (await inventory.summarizeBlob(digest)) !== undefined;
}

function formatTarget({ repository, digest, tag }: Target): string {
  if (repository === undefined) return digest;
  return formatPullName(
    repository,
    tag ? { kind: "tag", tag: tag.name } : { kind: "digest", digest },
  );
}

function describeTag(
  repository: QualifiedName,
  { name, record }: NonNullable<Target["tag"]>,
  { rules, clock }: ShowOptions,
): TagState {
  const values = rules.resolve(repository, name);
  if (values.immutable) return { ...record, freshness: "immutable" };
  const freshness = judgeFreshness(record.checkedAt, clock.now(), values);
  const freshUntil = record.checkedAt + values.revalidateAfterMs;
  const isTold = freshness === "fresh" && Number.isFinite(freshUntil);
  return { ...record, freshness, ...(isTold && { freshUntil }) };
}

async function readContent(
  { digest, tag }: Target,
  options: ShowOptions,
  signal: AbortSignal,
): Promise<Pick<Shown, "manifest" | "blob">> {
  const blob = tag ? undefined : await options.inventory.summarizeBlob(digest);
  if (blob) return { blob };
  const manifest = await new ManifestTree(options, signal).read(digest);
  return manifest.present ? { manifest } : {};
}

async function describeStanding(
  { repository, digest, tag }: Target,
  options: ShowOptions,
): Promise<Pick<Shown, "pins" | "pinnedByRules" | "otherTags">> {
  const [standing] = await findStandings(options.upkeep, [digest], options.clock.now());
  const { pins = [], names = [] } = standing ?? {};
  const described: Shown["pins"] = [];
  for (const pin of pins) described.push(await describePin(pin, options));
  const direct = await options.inventory.listTagsOf(digest);
  const tags = direct.length > 0 ? direct : names;
  return {
    pins: described,
    pinnedByRules: listPinningRules(names, options.rules),
    otherTags: formatTags(tags).filter(
      (each) => !repository || !tag || each !== formatPullName(repository, nameTag(tag.name)),
    ),
  };
}

function formatTags(names: readonly ReachingName[]): string[] {
  return names.flatMap(({ repository, tag }) =>
    tag === undefined ? [] : [formatPullName(repository, nameTag(tag))],
  );
}

function nameTag(tag: Tag) {
  return { kind: "tag", tag } as const;
}
