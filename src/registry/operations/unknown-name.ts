import { RegistryError } from "../../oci/errors.ts";
import { formatPullName, type PullName } from "../../oci/pull-name.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import { walkPages } from "./pages.ts";

interface Stores {
  metadata: Pick<MetadataStore, "listTags">;
  inventory: Pick<InventoryStore, "listRepositories">;
}

const maxSuggestions = 5;
const pageSize = 500;

/** For a name that is not here: says so, and what is here that may have been meant. */
export async function unknownName(
  { repository, reference }: Pick<PullName, "repository" | "reference">,
  stores: Stores,
  signal: AbortSignal,
): Promise<RegistryError> {
  const what = `${formatPullName(repository, reference)} is not here`;
  const tags = await stores.metadata.listTags(repository, { limit: maxSuggestions + 1 });
  if (tags.length > 0) {
    const hint = `of that repository there are the tags ${enumerate(tags)}`;
    return new RegistryError("MANIFEST_UNKNOWN", `${what}; ${hint}`);
  }
  return unknownRepository(what, repository, stores.inventory, signal);
}

/** `what`: the sentence to go on from. */
export async function unknownRepository(
  what: string,
  repository: QualifiedName,
  inventory: Stores["inventory"],
  signal: AbortSignal,
): Promise<RegistryError> {
  const similar = await findSimilar(repository, inventory, signal);
  const hint = similar.length > 0 ? `; there is ${enumerate(similar)}` : "";
  return new RegistryError("NAME_UNKNOWN", `${what}${hint}`);
}

/** Those whose last component holds that of the name, or is held by it. */
async function findSimilar(
  name: QualifiedName,
  inventory: Stores["inventory"],
  signal: AbortSignal,
): Promise<QualifiedName[]> {
  const similar: QualifiedName[] = [];
  const asked = lastComponent(name);
  const pages = walkPages<QualifiedName>(
    (after) => inventory.listRepositories({ after, limit: pageSize }),
    signal,
  );
  for await (const page of pages) {
    similar.push(...page.filter((each) => isSimilar(asked, lastComponent(each))));
    if (similar.length > maxSuggestions) break;
  }
  return similar;
}

function isSimilar(one: string, other: string): boolean {
  return one.includes(other) || other.includes(one);
}

function lastComponent(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

function enumerate(names: readonly string[]): string {
  const shown = names.slice(0, maxSuggestions).join(", ");
  return names.length > maxSuggestions ? `${shown} and others` : shown;
}
