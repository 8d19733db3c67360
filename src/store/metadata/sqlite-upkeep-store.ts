import { setImmediate } from "node:timers/promises";
import type { Digest } from "../../oci/digest.ts";
import type { RecoveringTables } from "./sqlite-recovery.ts";
import type { UsePage } from "./sqlite-use-order.ts";
import type {
  ContentKind,
  Standing,
  StoredBlob,
  StoredContent,
  UpkeepStore,
  UseCursor,
} from "./upkeep-store.ts";

export class SqliteUpkeepStore implements UpkeepStore {
  readonly #tables: RecoveringTables;

  constructor(tables: RecoveringTables) {
    this.#tables = tables;
  }

  async measureBlobs(): Promise<{ count: number; bytes: number }> {
    return this.#tables.use(({ checks }) => checks.measure());
  }

  async listLeastUsed(kind: ContentKind, page: UsePage): Promise<StoredContent[]> {
    return this.#tables.use(({ useOrder }) => useOrder.list(kind, page));
  }

  async findStandings(digests: readonly Digest[], at: number): Promise<Standing[]> {
    const found: Standing[] = [];
    for (const digest of digests) {
      // It may lead through thousands of manifests.
      if (found.length > 0) await setImmediate();
      found.push(this.#tables.use(({ standings }) => standings.find(digest, at)));
    }
    return found;
  }

  async removeBlobs(unused: readonly UseCursor[]): Promise<Digest[]> {
    return this.#tables.use(({ eviction }) => eviction.removeBlobs(unused));
  }

  async removeManifests(unused: readonly UseCursor[]): Promise<Digest[]> {
    const removed: Digest[] = [];
    for (const [index, one] of unused.entries()) {
      // It may refer to thousands of others.
      if (index > 0) await setImmediate();
      const gone = this.#tables.use(({ eviction }) => eviction.removeManifests([one]));
      if (gone.length > 0) this.#tables.noteRemoval();
      removed.push(...gone);
    }
    return removed;
  }

  async listLeastChecked(page: { checkedBefore: number; limit: number }): Promise<StoredBlob[]> {
    return this.#tables.use(({ checks }) => checks.listLeastChecked(page));
  }

  async saveCheck(digest: Digest, at: number): Promise<void> {
    this.#tables.use(({ checks }) => checks.save(digest, at));
  }

  async clearCheck(digest: Digest): Promise<void> {
    this.#tables.use(({ checks }) => checks.clear(digest));
  }

  async listBlobs(page: { after?: Digest | undefined; limit: number }): Promise<StoredBlob[]> {
    return this.#tables.use(({ checks }) => checks.list(page));
  }
}
