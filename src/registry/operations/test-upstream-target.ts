import { parsePullName } from "../../oci/pull-name.ts";
import type { Reference } from "../../oci/reference.ts";
import {
  parseRepositoryName,
  type QualifiedName,
  type RepositoryName,
} from "../../oci/repository-name.ts";
import type { InventoryStore, TagSummary } from "../../store/metadata/inventory-store.ts";
import { walkPages } from "./pages.ts";

/** What a test pulls a little of. */
export interface ProbeTarget {
  repository: RepositoryName;
  reference: Reference;
  /** It was asked for by name, so that it has to be there. */
  isAsked: boolean;
}

type Inventory = Pick<InventoryStore, "listRepositories" | "summarizeTags">;

/** Small, public, and there for years. */
const wellKnown: readonly string[] = [
  "docker.io/library/hello-world:latest",
  "ghcr.io/containerd/busybox:1.36",
  "quay.io/podman/hello:latest",
  "gcr.io/distroless/static:latest",
  "registry.k8s.io/pause:3.9",
  "mcr.microsoft.com/hello-world:latest",
  "public.ecr.aws/docker/library/hello-world:latest",
  "registry.gitlab.com/gitlab-org/gitlab-runner:alpine",
];

const pageSize = 500;
const maxRepositories = 20;
const tagsOfEach = 10;

/**
 * What is likely to be there: of what the cache has from that registry the tag that it was asked
 * about last, else what everybody knows. undefined: neither.
 */
export async function findTarget(
  host: string,
  inventory: Inventory,
  signal: AbortSignal,
): Promise<ProbeTarget | undefined> {
  const cached = await findCachedTag(host, inventory, signal);
  if (cached) {
    const repository = parseRepositoryName(cached.repository.slice(host.length + 1));
    return { repository, reference: { kind: "tag", tag: cached.tag }, isAsked: false };
  }
  const known = wellKnown.map(parsePullName).find(({ registry }) => registry === host);
  return known && { repository: known.name, reference: known.reference, isAsked: false };
}

/** Looks at some only: which one it is does not matter much. */
async function findCachedTag(
  host: string,
  inventory: Inventory,
  signal: AbortSignal,
): Promise<TagSummary | undefined> {
  let latest: TagSummary | undefined;
  for (const repository of await listSome(host, inventory, signal)) {
    for (const tag of await inventory.summarizeTags(repository, { limit: tagsOfEach })) {
      if (tag.checkedAt > (latest?.checkedAt ?? -Infinity)) latest = tag;
    }
  }
  return latest;
}

async function listSome(
  host: string,
  inventory: Inventory,
  signal: AbortSignal,
): Promise<QualifiedName[]> {
  const found: QualifiedName[] = [];
  const pages = walkPages<QualifiedName>(
    (after) => inventory.listRepositories({ after, limit: pageSize }),
    signal,
  );
  for await (const page of pages) {
    found.push(...page.filter((name) => name.startsWith(`${host}/`)));
    if (found.length >= maxRepositories) break;
  }
  return found.slice(0, maxRepositories);
}
