import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";

/** All times are milliseconds since 1970 and come from the caller. */
export interface TagRecord {
  digest: Digest;
  /** Upstream last confirmed that the tag has this digest. */
  checkedAt: number;
  /** The tag took this digest. */
  changedAt: number;
}

/** A blob in the blob store. */
export interface BlobRecord {
  /** Bytes; a file of another size is damaged. */
  size: number;
  /** Its bytes were last hashed; undefined: found on disk and not hashed yet. */
  checkedAt: number | undefined;
}

/** What a repository may read, and what of it is here: the two are independent. */
export interface Holding<Content> {
  /** Upstream vouched that the repository has it. */
  linked: boolean;
  content: Content | undefined;
}

export interface ManifestToSave {
  repository: QualifiedName;
  manifest: Manifest;
  /** What the manifest refers to: config and layers, or an index's children. All become linked. */
  references: readonly Descriptor[];
  /** The manifest that this one is about: kept as long as that one, and used along with it. */
  subject: Digest | undefined;
  at: number;
}

/**
 * The facts about what is cached. One method is one atomic step, durable against a kill when its
 * promise resolves; nothing of SQL shows. Implementations run `tests/contract/metadata-store.ts`.
 */
export interface MetadataStore extends AsyncDisposable {
  /**
   * Grows with each step after which a tag, a manifest, or a manifest's link that was found before
   * may be gone, through whichever interface the step was taken: what was found is known to be
   * still there for as long as this stays the same. Steps that touch blobs alone leave it as it is.
   */
  readonly removals: number;

  findTag(repository: QualifiedName, tag: Tag): Promise<TagRecord | undefined>;
  /** Records that upstream said so `at`; `changedAt` moves only when the digest does. */
  saveTag(repository: QualifiedName, tag: Tag, digest: Digest, at: number): Promise<void>;
  deleteTag(repository: QualifiedName, tag: Tag): Promise<void>;
  /** In byte order, those after `after`, at most `limit`. */
  listTags(repository: QualifiedName, page: { after?: string; limit: number }): Promise<Tag[]>;

  /** Manifests come back only with bytes that still have their digest. */
  findManifest(repository: QualifiedName, digest: Digest): Promise<Holding<Manifest>>;
  /** Manifest, its link and the links to its references, in one step. */
  saveManifest(save: ManifestToSave): Promise<void>;

  findBlob(repository: QualifiedName, digest: Digest): Promise<Holding<BlobRecord>>;
  /** The size a linked manifest's descriptor gave, for a blob whose upstream sends no length. */
  findDescribedSize(repository: QualifiedName, digest: Digest): Promise<number | undefined>;
  /** Records the blob, or replaces its record. */
  saveBlob(digest: Digest, record: BlobRecord, at: number): Promise<void>;
  /** Records a blob found on disk as unchecked, unless it has a record; says whether it had none. */
  addFoundBlob(digest: Digest, size: number, at: number): Promise<boolean>;
  /** Forgets that the blob is here; links stay. */
  deleteBlob(digest: Digest): Promise<void>;
  link(repository: QualifiedName, digest: Digest, at: number): Promise<void>;

  /**
   * Last use by digest, of manifests and blobs; unknown digests are passed over, times never go
   * back. Using a manifest uses all that is here of what it refers to, at any depth, and what is
   * here of its referrers: a HEAD of an index keeps the layers below it warm. Many uses are several
   * steps, with other calls in between; a failure leaves those that were recorded before it.
   */
  recordUses(uses: ReadonlyMap<Digest, number>): Promise<void>;
  lastUsedAt(digest: Digest): Promise<number | undefined>;
}

/** What those who answer at once ask; undefined: not known at once, which says nothing else. */
export interface MetadataMemory {
  /** As `findTag` would find it. */
  recallTag(repository: QualifiedName, tag: Tag): TagRecord | undefined;
  /** As `findManifest` would find it, and linked to the repository. */
  recallManifest(repository: QualifiedName, digest: Digest): Manifest | undefined;
}
