import type { Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { TagRecord } from "./metadata-store.ts";
import type { StoredBlob } from "./upkeep-store.ts";

/** What is here of one repository. */
export interface RepositorySummary {
  repository: QualifiedName;
  tags: number;
  manifests: number;
  blobs: number;
  /** Of its manifests and blobs that are here, each counted once; other repositories may share them. */
  bytes: number;
  /** The last use of any of them; undefined: nothing of it is here. */
  usedAt: number | undefined;
}

export interface TagSummary extends TagRecord {
  repository: QualifiedName;
  tag: Tag;
  /** Of the manifest and all below it that is here, each counted once. */
  bytes: number;
  /** Of the manifest; undefined: it is not here. */
  usedAt: number | undefined;
}

export interface BlobSummary extends StoredBlob {
  createdAt: number;
  usedAt: number;
  /** Linked to it, in byte order. */
  repositories: QualifiedName[];
}

export interface ManifestSummary extends Manifest {
  createdAt: number;
  usedAt: number;
}

/** What went when a name was taken away. */
export interface Removal {
  tags: Tag[];
  manifests: Digest[];
  /** Blobs that nothing reaches any more; forgotten, and their bytes are the caller's next step. */
  blobs: { digest: Digest; size: number }[];
}

/**
 * What is here, for people who look, and what they take out by name. Each call is short; lists come
 * in pages. Errors come as MetadataError. Implementations run `tests/contract/inventory-store.ts`.
 */
export interface InventoryStore {
  /** Repositories with any tag or link, in byte order. */
  listRepositories(page: {
    after?: QualifiedName | undefined;
    limit: number;
  }): Promise<QualifiedName[]>;
  summarizeRepository(repository: QualifiedName): Promise<RepositorySummary>;
  /** In byte order. */
  summarizeTags(
    repository: QualifiedName,
    page: { after?: Tag | undefined; limit: number },
  ): Promise<TagSummary[]>;
  /** In digest order. */
  summarizeBlobs(page: { after?: Digest | undefined; limit: number }): Promise<BlobSummary[]>;

  summarizeBlob(digest: Digest): Promise<BlobSummary | undefined>;
  /** Whichever repositories it is linked to. */
  summarizeManifest(digest: Digest): Promise<ManifestSummary | undefined>;
  /** Manifests here whose subject it is, in digest order. */
  listReferrers(subject: Digest): Promise<Digest[]>;
  /** Tags of any repository that point to the manifest. */
  listTagsOf(digest: Digest): Promise<{ repository: QualifiedName; tag: Tag }[]>;
  /** Repositories that it is linked to, in byte order. */
  listRepositoriesOf(digest: Digest): Promise<QualifiedName[]>;
  countManifests(): Promise<{ count: number; bytes: number }>;
  countTags(): Promise<number>;

  /**
   * Takes a tag away, and the manifests that it led to, referrers included, unless something else
   * does: a tag of any repository, an index or a subject that is here, or a link of another
   * repository, at any depth. That a manifest was asked for by digest here as well keeps it not.
   * Blobs of those manifests go unless another manifest that is here refers to them. The
   * repository's links go to what nothing of it leads to any more. Pins are not looked at.
   * undefined: there is no such tag.
   */
  removeTag(repository: QualifiedName, tag: Tag): Promise<Removal | undefined>;
  /**
   * Takes a manifest from the repository, even from below an index, with the repository's tags that
   * point to it, and with what hangs on it as `removeTag` does. Where another repository has it, it
   * stays there. undefined: the repository has no such manifest here.
   */
  removeManifest(repository: QualifiedName, digest: Digest): Promise<Removal | undefined>;
}
