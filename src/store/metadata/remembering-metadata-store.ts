import { LRUCache } from "lru-cache";
import type { Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import { PairCache } from "../../pair-cache.ts";
import type {
  BlobRecord,
  Holding,
  ManifestToSave,
  MetadataMemory,
  MetadataStore,
  TagRecord,
} from "./metadata-store.ts";

/** What was found, and the store's `removals` when it was looked for: it is true while that is the same. */
interface RememberedTag {
  record: TagRecord;
  removals: number;
}

interface RememberedManifest {
  manifest: Manifest;
  /** Those found to have it linked. */
  repositories: Set<QualifiedName>;
  removals: number;
}

const maxTags = 20_000;

/** Of manifests, each counted twice: those who send it keep it in a form of their own as well. */
const maxManifestBytes = 32 * 1024 * 1024;
/** A larger one is read anew each time. */
const maxEntryBytes = 2 * 1024 * 1024;
/** What an entry takes besides the manifest, and for each repository. */
const entryBytes = 1024;

/**
 * Remembers the tags and manifests that were found in another store. What is saved or removed
 * through this one is forgotten, and all of it when something may have been removed in another way.
 */
export class RememberingMetadataStore implements MetadataStore, MetadataMemory {
  readonly #store: MetadataStore;
  readonly #tags = new PairCache<QualifiedName, Tag, RememberedTag>(maxTags);
  readonly #manifests = new LRUCache<Digest, RememberedManifest>({
    maxSize: maxManifestBytes,
    maxEntrySize: maxEntryBytes,
    sizeCalculation: ({ manifest, repositories }) =>
      manifest.bytes.length * 2 + (repositories.size + 1) * entryBytes,
  });
  /** Begun and ended. What is found while one is under way may be what it replaces. */
  #saves = 0;

  constructor(store: MetadataStore) {
    this.#store = store;
  }

  get removals(): number {
    return this.#store.removals;
  }

  recallTag(repository: QualifiedName, tag: Tag): TagRecord | undefined {
    const known = this.#tags.get(repository, tag);
    return known?.removals === this.#store.removals ? known.record : undefined;
  }

  recallManifest(repository: QualifiedName, digest: Digest): Manifest | undefined {
    const known = this.#recall(digest);
    return known?.repositories.has(repository) === true ? known.manifest : undefined;
  }

  async findTag(repository: QualifiedName, tag: Tag): Promise<TagRecord | undefined> {
    const known = this.recallTag(repository, tag);
    if (known) return known;
    const { removals } = this.#store;
    const saves = this.#saves;
    const record = await this.#store.findTag(repository, tag);
    if (record && saves === this.#saves) {
      this.#tags.set(repository, tag, { record, removals });
    }
    return record;
  }

  async findManifest(repository: QualifiedName, digest: Digest): Promise<Holding<Manifest>> {
    const known = this.recallManifest(repository, digest);
    if (known) return { linked: true, content: known };
    const { removals } = this.#store;
    const saves = this.#saves;
    const holding = await this.#store.findManifest(repository, digest);
    const { linked, content: manifest } = holding;
    if (linked && manifest && saves === this.#saves) this.#keep(repository, manifest, removals);
    return holding;
  }

  async saveTag(repository: QualifiedName, tag: Tag, digest: Digest, at: number): Promise<void> {
    const forget = () => this.#tags.delete(repository, tag);
    await this.#save(forget, () => this.#store.saveTag(repository, tag, digest, at));
  }

  async deleteTag(repository: QualifiedName, tag: Tag): Promise<void> {
    const forget = () => this.#tags.delete(repository, tag);
    await this.#save(forget, () => this.#store.deleteTag(repository, tag));
  }

  async saveManifest(save: ManifestToSave): Promise<void> {
    const forget = () => this.#manifests.delete(save.manifest.digest);
    await this.#save(forget, () => this.#store.saveManifest(save));
  }

  listTags(repository: QualifiedName, page: { after?: string; limit: number }): Promise<Tag[]> {
    return this.#store.listTags(repository, page);
  }

  findBlob(repository: QualifiedName, digest: Digest): Promise<Holding<BlobRecord>> {
    return this.#store.findBlob(repository, digest);
  }

  findDescribedSize(repository: QualifiedName, digest: Digest): Promise<number | undefined> {
    return this.#store.findDescribedSize(repository, digest);
  }

  saveBlob(digest: Digest, record: BlobRecord, at: number): Promise<void> {
    return this.#store.saveBlob(digest, record, at);
  }

  addFoundBlob(digest: Digest, size: number, at: number): Promise<boolean> {
    return this.#store.addFoundBlob(digest, size, at);
  }

  deleteBlob(digest: Digest): Promise<void> {
    return this.#store.deleteBlob(digest);
  }

  link(repository: QualifiedName, digest: Digest, at: number): Promise<void> {
    return this.#store.link(repository, digest, at);
  }

  recordUses(uses: ReadonlyMap<Digest, number>): Promise<void> {
    return this.#store.recordUses(uses);
  }

  lastUsedAt(digest: Digest): Promise<number | undefined> {
    return this.#store.lastUsedAt(digest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  /** What is found before it has ended may be what it replaces, and is forgotten or not remembered. */
  async #save(forget: () => void, save: () => Promise<void>): Promise<void> {
    this.#saves += 1;
    forget();
    try {
      await save();
    } finally {
      this.#saves += 1;
      forget();
    }
  }

  #recall(digest: Digest): RememberedManifest | undefined {
    const known = this.#manifests.get(digest);
    return known?.removals === this.#store.removals ? known : undefined;
  }

  /** Of several repositories that have it all are remembered together, and its bytes once. */
  #keep(repository: QualifiedName, manifest: Manifest, removals: number): void {
    const known = this.#manifests.get(manifest.digest);
    const isSame = known?.removals === removals;
    this.#manifests.set(manifest.digest, {
      manifest: isSame ? known.manifest : manifest,
      repositories: new Set(isSame ? known.repositories : []).add(repository),
      removals,
    });
  }
}
