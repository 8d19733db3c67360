import { setImmediate as afterOtherWork } from "node:timers/promises";
import type { Digest } from "../../oci/digest.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { InventoryStore, Removal } from "../../store/metadata/inventory-store.ts";
import type { PinStore } from "../../store/metadata/pin-store.ts";
import type { StoredContent, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import type { Operations, RemovedEntry } from "./operations.ts";
import { walkPages } from "./pages.ts";
import { refusePinned, type GuardOptions } from "./removal-guard.ts";
import { planRemoval, type PlanStores, type RemovalPlan } from "./removal-plan.ts";

export interface RemoveOptions extends GuardOptions, PlanStores {
  inventory: InventoryStore;
  upkeep: Pick<UpkeepStore, "findStandings" | "listLeastUsed">;
  pins: Pick<PinStore, "listPins">;
  /** Deletes the bytes of blobs whose records are gone. */
  deleteBlobs: (digests: readonly Digest[]) => Promise<void>;
}

const pageSize = 200;

/** Nothing goes unless every name is here and none of them is pinned. */
export function createRemove(options: RemoveOptions): Operations["remove"] {
  return async ({ names, allTags }, { signal }) => {
    const plans = new Map<string, RemovalPlan>();
    for (const text of names) {
      const plan = await planRemoval(text, allTags, options, signal);
      plans.set(plan.name, plan);
    }
    await refusePinned([...plans.values()], options);
    const entries: RemovedEntry[] = [];
    for (const plan of plans.values()) {
      signal.throwIfAborted();
      entries.push(await carryOut(plan, options, signal));
    }
    return entries;
  };
}

/** Rows first, bytes second: what a crash leaves between the two is swept at the next start. */
async function carryOut(
  plan: RemovalPlan,
  options: RemoveOptions,
  signal: AbortSignal,
): Promise<RemovedEntry> {
  const entry: RemovedEntry = { name: plan.name, tags: 0, manifests: 0, blobs: 0, bytes: 0 };
  for await (const { tags, manifests, blobs } of removeRows(plan, options, signal)) {
    await options.deleteBlobs(blobs.map(({ digest }) => digest));
    entry.tags += tags.length;
    entry.manifests += manifests.length;
    entry.blobs += blobs.length;
    entry.bytes += blobs.reduce((sum, { size }) => sum + size, 0);
    await afterOtherWork();
  }
  return entry;
}

async function* removeRows(
  plan: RemovalPlan,
  options: RemoveOptions,
  signal: AbortSignal,
): AsyncGenerator<Removal, void> {
  const { inventory } = options;
  const { repository } = plan;
  if (plan.kind === "manifest") {
    const removal = await inventory.removeManifest(repository, plan.digest);
    if (removal) yield removal;
    return;
  }
  for (const tag of plan.kind === "tag" ? [plan.tag] : plan.tags) {
    signal.throwIfAborted();
    const removal = await inventory.removeTag(repository, tag);
    if (removal) yield removal;
  }
  if (plan.kind === "tag") return;
  for (const digest of await listManifests(repository, options, signal)) {
    signal.throwIfAborted();
    const removal = await inventory.removeManifest(repository, digest);
    if (removal) yield removal;
  }
}

/** Those that no tag led to. */
async function listManifests(
  repository: QualifiedName,
  { inventory, upkeep }: RemoveOptions,
  signal: AbortSignal,
): Promise<Digest[]> {
  const { manifests } = await inventory.summarizeRepository(repository);
  if (manifests === 0) return [];
  const found: Digest[] = [];
  const pages = walkPages<StoredContent>(
    (after) => upkeep.listLeastUsed("manifest", { after, limit: pageSize }),
    signal,
  );
  for await (const page of pages) {
    for (const { digest } of page) {
      const repositories = await inventory.listRepositoriesOf(digest);
      if (repositories.includes(repository)) found.push(digest);
    }
  }
  return found;
}
