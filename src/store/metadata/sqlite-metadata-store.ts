import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Logger } from "pino";
import { systemClock, type Clock } from "../../clock.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type {
  BlobRecord,
  Holding,
  ManifestToSave,
  MetadataStore,
  TagRecord,
} from "./metadata-store.ts";
import type { InventoryStore } from "./inventory-store.ts";
import type { PinStore } from "./pin-store.ts";
import { inMemory, type OnStatement } from "./sqlite-connection.ts";
import { toMetadataError } from "./sqlite-errors.ts";
import { SqliteInventoryStore } from "./sqlite-inventory-store.ts";
import { SqlitePinStore } from "./sqlite-pin-store.ts";
import { RecoveringTables } from "./sqlite-recovery.ts";
import { SqliteTrafficStore } from "./sqlite-traffic-store.ts";
import { SqliteUpkeepStore } from "./sqlite-upkeep-store.ts";
import type { TrafficStore } from "./traffic-store.ts";
import type { UpkeepStore } from "./upkeep-store.ts";
import { UseWalk } from "./use-walk.ts";

/** Digests in one transaction: a few milliseconds, then requests are let in. */
const usesPerStep = 50;

interface SqliteMetadataStoreOptions {
  log: Logger;
  /** Names what is set aside. */
  clock?: Clock;
  /** Called when a database is found damaged in use and an empty one takes its place. */
  onRebuilt?: () => void;
  onStatement?: OnStatement | undefined;
}

/**
 * One file, held by one process. Calls are synchronous within, so that each is one step; all
 * failures come as MetadataError, and a damaged database is replaced on the way.
 */
export class SqliteMetadataStore implements MetadataStore {
  readonly upkeep: UpkeepStore;
  readonly pins: PinStore;
  readonly inventory: InventoryStore;
  readonly traffic: TrafficStore;
  readonly #tables: RecoveringTables;
  readonly #log: Logger;

  private constructor(path: string, options: SqliteMetadataStoreOptions) {
    const { log, clock = systemClock, onRebuilt = () => undefined, onStatement } = options;
    this.#log = log;
    this.#tables = new RecoveringTables({ path, log, clock, onRebuilt, onStatement });
    this.upkeep = new SqliteUpkeepStore(this.#tables);
    this.pins = new SqlitePinStore(this.#tables);
    this.inventory = new SqliteInventoryStore(this.#tables);
    this.traffic = new SqliteTrafficStore(this.#tables);
  }

  /** `path` names the database file. Throws NewerDatabaseError, MetadataError. */
  static async open(
    options: SqliteMetadataStoreOptions & { path: string },
  ): Promise<SqliteMetadataStore> {
    try {
      await mkdir(dirname(options.path), { recursive: true });
    } catch (error) {
      throw toMetadataError(error);
    }
    return new SqliteMetadataStore(options.path, options);
  }

  /** For a server whose disk cannot be written: forgets all when it is disposed of. */
  static openInMemory(options: SqliteMetadataStoreOptions): SqliteMetadataStore {
    return new SqliteMetadataStore(inMemory, options);
  }

  /**
   * The database began empty, and `finishRebuild` was not called since, in this process or an
   * earlier one: blobs on disk may lack their records.
   */
  get rebuilt(): boolean {
    return this.#tables.use(({ pendingWork }) => pendingWork.has("record stored blobs"));
  }

  /** All blobs on disk have their records. */
  async finishRebuild(): Promise<void> {
    this.#tables.use(({ pendingWork }) => pendingWork.finish("record stored blobs"));
  }

  get removals(): number {
    return this.#tables.removals;
  }

  async findTag(repository: QualifiedName, tag: Tag): Promise<TagRecord | undefined> {
    return this.#tables.use(({ tags }) => tags.find(repository, tag));
  }

  async saveTag(repository: QualifiedName, tag: Tag, digest: Digest, at: number): Promise<void> {
    this.#tables.use(({ tags }) => tags.save(repository, tag, digest, at));
  }

  async deleteTag(repository: QualifiedName, tag: Tag): Promise<void> {
    if (this.#tables.use(({ tags }) => tags.delete(repository, tag))) this.#tables.noteRemoval();
  }

  async listTags(
    repository: QualifiedName,
    page: { after?: string; limit: number },
  ): Promise<Tag[]> {
    return this.#tables.use(({ tags }) => tags.list(repository, page));
  }

  async findManifest(repository: QualifiedName, digest: Digest): Promise<Holding<Manifest>> {
    const { linked, content } = this.#tables.use(({ manifests }) =>
      manifests.find(repository, digest),
    );
    if (content !== "damaged") return { linked, content };
    this.#removeDamagedManifest(digest);
    return { linked, content: undefined };
  }

  async saveManifest(save: ManifestToSave): Promise<void> {
    this.#tables.use(({ manifests }) => manifests.save(save));
  }

  async findBlob(repository: QualifiedName, digest: Digest): Promise<Holding<BlobRecord>> {
    return this.#tables.use(({ blobs }) => blobs.find(repository, digest));
  }

  async findDescribedSize(repository: QualifiedName, digest: Digest): Promise<number | undefined> {
    return this.#tables.use(({ links }) => links.findDescribedSize(repository, digest));
  }

  async saveBlob(digest: Digest, record: BlobRecord, at: number): Promise<void> {
    this.#tables.use(({ blobs }) => blobs.save(digest, record, at));
  }

  async addFoundBlob(digest: Digest, size: number, at: number): Promise<boolean> {
    return this.#tables.use(({ blobs }) => blobs.addFound(digest, size, at));
  }

  async deleteBlob(digest: Digest): Promise<void> {
    this.#tables.use(({ blobs }) => blobs.delete(digest));
  }

  async link(repository: QualifiedName, digest: Digest, at: number): Promise<void> {
    this.#tables.use(({ links }) => links.add(repository, digest, at));
  }

  async recordUses(uses: ReadonlyMap<Digest, number>): Promise<void> {
    const walk = new UseWalk(uses);
    for (let some = walk.take(usesPerStep); some.length > 0; some = walk.take(usesPerStep)) {
      const step = some;
      walk.add(this.#tables.use(({ usage }) => usage.record(step)));
      await setImmediate();
    }
  }

  async lastUsedAt(digest: Digest): Promise<number | undefined> {
    return this.#tables.use(({ usage }) => usage.findLast(digest));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tables[Symbol.dispose]();
  }

  /** That it is damaged is known without the removal, which may fail on a full disk. */
  #removeDamagedManifest(digest: Digest): void {
    this.#log.warn({ digest }, "stored manifest no longer has its digest; it counts as absent");
    this.#tables.noteRemoval();
    try {
      this.#tables.use(({ manifests }) => manifests.delete(digest));
    } catch (error) {
      this.#log.warn({ digest, err: error }, "damaged manifest could not be removed");
    }
  }
}
