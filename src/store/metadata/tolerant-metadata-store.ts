import type { Logger } from "pino";
import type { Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import { MetadataError } from "./metadata-error.ts";
import type {
  BlobRecord,
  Holding,
  ManifestToSave,
  MetadataStore,
  TagRecord,
} from "./metadata-store.ts";

const nothing = { linked: false, content: undefined };

/**
 * A mirror that cannot remember is still a mirror: what the store cannot read counts as unknown,
 * what it cannot write is dropped. Told once when it begins, and once when it is over.
 */
export class TolerantMetadataStore implements MetadataStore {
  readonly #store: MetadataStore;
  readonly #log: Logger;
  #failure: MetadataError | undefined;

  constructor(store: MetadataStore, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** The trouble it is in, for the health report. */
  get failure(): MetadataError | undefined {
    return this.#failure;
  }

  get removals(): number {
    return this.#store.removals;
  }

  findTag(repository: QualifiedName, tag: Tag): Promise<TagRecord | undefined> {
    return this.#read(() => this.#store.findTag(repository, tag), undefined);
  }

  saveTag(repository: QualifiedName, tag: Tag, digest: Digest, at: number): Promise<void> {
    return this.#write(() => this.#store.saveTag(repository, tag, digest, at));
  }

  deleteTag(repository: QualifiedName, tag: Tag): Promise<void> {
    return this.#write(() => this.#store.deleteTag(repository, tag));
  }

  listTags(repository: QualifiedName, page: { after?: string; limit: number }): Promise<Tag[]> {
    return this.#read(() => this.#store.listTags(repository, page), []);
  }

  findManifest(repository: QualifiedName, digest: Digest): Promise<Holding<Manifest>> {
    return this.#read(() => this.#store.findManifest(repository, digest), nothing);
  }

  saveManifest(save: ManifestToSave): Promise<void> {
    return this.#write(() => this.#store.saveManifest(save));
  }

  findBlob(repository: QualifiedName, digest: Digest): Promise<Holding<BlobRecord>> {
    return this.#read(() => this.#store.findBlob(repository, digest), nothing);
  }

  findDescribedSize(repository: QualifiedName, digest: Digest): Promise<number | undefined> {
    return this.#read(() => this.#store.findDescribedSize(repository, digest), undefined);
  }

  saveBlob(digest: Digest, record: BlobRecord, at: number): Promise<void> {
    return this.#write(() => this.#store.saveBlob(digest, record, at));
  }

  addFoundBlob(digest: Digest, size: number, at: number): Promise<boolean> {
    return this.#read(() => this.#store.addFoundBlob(digest, size, at), false);
  }

  deleteBlob(digest: Digest): Promise<void> {
    return this.#write(() => this.#store.deleteBlob(digest));
  }

  link(repository: QualifiedName, digest: Digest, at: number): Promise<void> {
    return this.#write(() => this.#store.link(repository, digest, at));
  }

  recordUses(uses: ReadonlyMap<Digest, number>): Promise<void> {
    return this.#write(() => this.#store.recordUses(uses));
  }

  lastUsedAt(digest: Digest): Promise<number | undefined> {
    return this.#read(() => this.#store.lastUsedAt(digest), undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  async #read<Found>(find: () => Promise<Found>, otherwise: Found): Promise<Found> {
    try {
      return await find();
    } catch (error) {
      this.#noteFailure(error);
      return otherwise;
    }
  }

  async #write(save: () => Promise<void>): Promise<void> {
    try {
      await save();
      this.#noteSuccess();
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  #noteFailure(error: unknown): void {
    if (!(error instanceof MetadataError)) throw error;
    if (!this.#failure) this.#log.error({ err: error }, "metadata fails; serving goes on without");
    this.#failure = error;
  }

  #noteSuccess(): void {
    if (!this.#failure) return;
    this.#failure = undefined;
    this.#log.info("metadata can be written again");
  }
}
