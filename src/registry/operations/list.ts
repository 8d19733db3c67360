import { setImmediate as afterOtherWork } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import { asDigest, type Digest } from "../../oci/digest.ts";
import { formatPullName } from "../../oci/pull-name.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type {
  BlobSummary,
  InventoryStore,
  TagSummary,
} from "../../store/metadata/inventory-store.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import type { UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import { findStandings, isPinned } from "../pinning.ts";
import type { RuleBook } from "../rule-book.ts";
import { listBelow } from "./manifest-references.ts";
import { parseNameFilter, type NameFilter } from "./name-filter.ts";
import type { Operations, TagEntry } from "./operations.ts";
import { walkPages } from "./pages.ts";

export interface ListingsOptions {
  inventory: InventoryStore;
  metadata: Pick<MetadataStore, "listTags">;
  upkeep: Pick<UpkeepStore, "findStandings">;
  rules: Pick<RuleBook, "resolve">;
  clock: Clock;
}

/** A page of any of them takes a few milliseconds. */
const pageSizes = { names: 500, tags: 50, blobs: 200 };

type Listings = Pick<Operations, "listRepositories" | "listTags" | "listBlobs">;

/** Entries come in byte order of their names, while the list is read. */
export function createListings(options: ListingsOptions): Listings {
  return {
    listRepositories: async ({ pattern }, { signal, onEvent, caughtUp }) => {
      let count = 0;
      for await (const name of findRepositories(parseNameFilter(pattern), options, signal)) {
        const {
          bytes: size,
          repository: _,
          ...summary
        } = await options.inventory.summarizeRepository(name);
        onEvent({ name, ...summary, size });
        count += 1;
        await caughtUp?.();
        await afterOtherWork();
      }
      return { count };
    },
    listTags: async ({ pattern }, { signal, onEvent, caughtUp }) => {
      let count = 0;
      for await (const page of findTags(parseNameFilter(pattern), options, signal)) {
        for (const entry of await describeTags(page, options)) onEvent(entry);
        count += page.length;
        await caughtUp?.();
      }
      return { count };
    },
    listBlobs: async ({ pattern }, { signal, onEvent, caughtUp }) => {
      let count = 0;
      for await (const page of findBlobs(pattern, options, signal)) {
        for (const blob of page) onEvent(blob);
        count += page.length;
        await caughtUp?.();
      }
      return { count };
    },
  };
}

/** Where the filter says something of tags: only those with a tag that matches. */
async function* findRepositories(
  filter: NameFilter,
  options: ListingsOptions,
  signal: AbortSignal,
): AsyncGenerator<QualifiedName, void> {
  const pages = walkPages<QualifiedName>(
    (after) => options.inventory.listRepositories({ after, limit: pageSizes.names }),
    signal,
  );
  for await (const page of pages) {
    for (const repository of page.filter((each) => filter.matchesRepository(each))) {
      signal.throwIfAborted();
      const isWanted = !filter.hasTag || (await hasTag(repository, filter, options, signal));
      if (isWanted) yield repository;
    }
  }
}

async function hasTag(
  repository: QualifiedName,
  filter: NameFilter,
  { metadata }: ListingsOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const pages = walkPages<Tag>(
    (after) => metadata.listTags(repository, { ...(after && { after }), limit: pageSizes.names }),
    signal,
  );
  for await (const page of pages) {
    if (page.some((tag) => filter.matchesTag(repository, tag))) return true;
  }
  return false;
}

async function* findTags(
  filter: NameFilter,
  options: ListingsOptions,
  signal: AbortSignal,
): AsyncGenerator<TagSummary[], void> {
  for await (const repository of findRepositories(filter, options, signal)) {
    const pages = walkPages<TagSummary>(
      (last) =>
        options.inventory.summarizeTags(repository, { after: last?.tag, limit: pageSizes.tags }),
      signal,
    );
    for await (const page of pages) {
      yield page.filter(({ tag }) => filter.matchesTag(repository, tag));
    }
  }
}

async function describeTags(page: TagSummary[], options: ListingsOptions): Promise<TagEntry[]> {
  const digests = page.map(({ digest }) => digest);
  const standings = await findStandings(options.upkeep, digests, options.clock.now());
  return page.map(({ repository, tag, bytes: size, ...facts }, index) => {
    const standing = standings[index] ?? { names: [], pins: [] };
    return {
      name: formatPullName(repository, { kind: "tag", tag }),
      ...facts,
      size,
      pinned: isPinned(standing, options.rules),
    };
  });
}

/** By the repositories they are linked to; where the pattern says something of tags, those below them. */
function findBlobs(
  pattern: string | undefined,
  options: ListingsOptions,
  signal: AbortSignal,
): AsyncGenerator<BlobSummary[], void> {
  const digest = asDigest(pattern);
  if (digest !== undefined) return findGivenBlobs([digest], options);
  const filter = parseNameFilter(pattern);
  return filter.hasTag
    ? findBlobsBelow(filter, options, signal)
    : findBlobsOf(filter, options, signal);
}

async function* findBlobsOf(
  filter: NameFilter,
  { inventory }: ListingsOptions,
  signal: AbortSignal,
): AsyncGenerator<BlobSummary[], void> {
  const pages = walkPages<BlobSummary>(
    (last) => inventory.summarizeBlobs({ after: last?.digest, limit: pageSizes.blobs }),
    signal,
  );
  for await (const page of pages) yield page.filter((blob) => filter.matchesAny(blob.repositories));
}

async function* findBlobsBelow(
  filter: NameFilter,
  options: ListingsOptions,
  signal: AbortSignal,
): AsyncGenerator<BlobSummary[], void> {
  yield* findGivenBlobs(await listBelowTags(filter, options, signal), options);
}

async function listBelowTags(
  filter: NameFilter,
  options: ListingsOptions,
  signal: AbortSignal,
): Promise<Digest[]> {
  const found = new Set<Digest>();
  for await (const page of findTags(filter, options, signal)) {
    for (const { digest } of page) {
      for (const below of await listBelow(options.inventory, digest)) found.add(below);
    }
  }
  return [...found].toSorted();
}

/** Those that are here. */
async function* findGivenBlobs(
  digests: readonly Digest[],
  { inventory }: ListingsOptions,
): AsyncGenerator<BlobSummary[], void> {
  for (const digest of digests) {
    const blob = await inventory.summarizeBlob(digest);
    if (blob) yield [blob];
  }
}
