import { setImmediate } from "node:timers/promises";
import type { Digest } from "../../oci/digest.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type {
  BlobSummary,
  InventoryStore,
  ManifestSummary,
  Removal,
  RepositorySummary,
  TagSummary,
} from "./inventory-store.ts";
import type { SqliteInventory } from "./sqlite-inventory.ts";
import type { RecoveringTables } from "./sqlite-recovery.ts";
import type { SqliteTables } from "./sqlite-tables.ts";

/** Looked at in a few milliseconds; requests are let in between so many. */
const linksPerStep = 250;
const manifestsPerStep = 250;

export class SqliteInventoryStore implements InventoryStore {
  readonly #tables: RecoveringTables;

  constructor(tables: RecoveringTables) {
    this.#tables = tables;
  }

  async listRepositories(page: {
    after?: QualifiedName | undefined;
    limit: number;
  }): Promise<QualifiedName[]> {
    return this.#use((inventory) => inventory.listRepositories(page.after, page.limit));
  }

  async summarizeRepository(repository: QualifiedName): Promise<RepositorySummary> {
    const tags = this.#use(({ sums }) => sums.countTagsOf(repository));
    const summary: RepositorySummary = {
      repository,
      tags,
      manifests: 0,
      blobs: 0,
      bytes: 0,
      usedAt: undefined,
    };
    for await (const part of inParts((last: string | null) =>
      this.#use(({ sums }) => sums.sumLinked(repository, last ?? "", linksPerStep)),
    )) {
      summary.manifests += part.manifests;
      summary.blobs += part.blobs;
      summary.bytes += part.bytes;
      summary.usedAt = latest(summary.usedAt, part.usedAt ?? undefined);
    }
    return summary;
  }

  async summarizeTags(
    repository: QualifiedName,
    page: { after?: Tag | undefined; limit: number },
  ): Promise<TagSummary[]> {
    const tags = this.#use((inventory) => inventory.listTags(repository, page));
    const summaries: TagSummary[] = [];
    for (const tag of tags) {
      const { bytes, usedAt } = this.#use(({ sums }) => sums.sumClosure(tag.digest));
      summaries.push({ repository, ...tag, bytes, usedAt: usedAt ?? undefined });
      // A tag may lead to hundreds of blobs.
      await setImmediate();
    }
    return summaries;
  }

  async summarizeBlobs(page: {
    after?: Digest | undefined;
    limit: number;
  }): Promise<BlobSummary[]> {
    return this.#use((inventory) => inventory.listBlobs(page.after, page.limit));
  }

  async summarizeBlob(digest: Digest): Promise<BlobSummary | undefined> {
    return this.#use((inventory) => inventory.findBlob(digest));
  }

  async summarizeManifest(digest: Digest): Promise<ManifestSummary | undefined> {
    return this.#use((inventory) => inventory.findManifest(digest));
  }

  async listReferrers(subject: Digest): Promise<Digest[]> {
    return this.#use((inventory) => inventory.listReferrers(subject));
  }

  async listTagsOf(digest: Digest): Promise<{ repository: QualifiedName; tag: Tag }[]> {
    return this.#use((inventory) => inventory.listTagsOf(digest));
  }

  async listRepositoriesOf(digest: Digest): Promise<QualifiedName[]> {
    return this.#use((inventory) => inventory.listRepositoriesOf(digest));
  }

  async countManifests(): Promise<{ count: number; bytes: number }> {
    const total = { count: 0, bytes: 0 };
    for await (const part of inParts((last: number | null) =>
      this.#use(({ sums }) => sums.sumManifests(last ?? 0, manifestsPerStep)),
    )) {
      total.count += part.count;
      total.bytes += part.bytes;
    }
    return total;
  }

  async countTags(): Promise<number> {
    return this.#use(({ sums }) => sums.countTags());
  }

  async removeTag(repository: QualifiedName, tag: Tag): Promise<Removal | undefined> {
    return this.#remove(({ removal }) => removal.removeTag(repository, tag));
  }

  async removeManifest(repository: QualifiedName, digest: Digest): Promise<Removal | undefined> {
    return this.#remove(({ removal }) => removal.removeManifest(repository, digest));
  }

  #remove(work: (tables: SqliteTables) => Removal | undefined): Removal | undefined {
    const removal = this.#tables.use(work);
    if (removal) this.#tables.noteRemoval();
    return removal;
  }

  #use<Result>(work: (inventory: SqliteInventory) => Result): Result {
    return this.#tables.use(({ inventory }) => work(inventory));
  }
}

/** Part after part, each by where the last one ended, with other work between them. */
async function* inParts<Part extends { last: unknown }>(
  read: (last: Part["last"] | null) => Part | undefined,
): AsyncGenerator<Part, void> {
  let part = read(null);
  while (part) {
    yield part;
    await setImmediate();
    part = read(part.last);
  }
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}
