import type { Digest } from "../../oci/digest.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { PinRecord } from "./pin-store.ts";

export type ContentKind = "blob" | "manifest";

/** Something that eviction may take. */
export interface StoredContent {
  kind: ContentKind;
  digest: Digest;
  /** Bytes. */
  size: number;
  usedAt: number;
}

/** A blob in the blob store, as the scrubber and the sweep see it. */
export interface StoredBlob {
  digest: Digest;
  /** Bytes. */
  size: number;
  /** Its bytes were last hashed; undefined: never since it was found on disk. */
  checkedAt: number | undefined;
}

/** Where a walk by last use goes on: after the content with this use and this digest. */
export type UseCursor = Pick<StoredContent, "usedAt" | "digest">;

/** A name by which content is reached: the repository's tag, or the repository where no tag of it leads there. */
export interface ReachingName {
  repository: QualifiedName;
  tag: Tag | undefined;
}

/** Why content may have to stay. */
export interface Standing {
  names: ReachingName[];
  /** Those in force that reach it. */
  pins: PinRecord[];
}

/**
 * What looking after the cache needs to know, in steps small enough not to keep requests waiting.
 * Errors come as MetadataError. Implementations run `tests/contract/upkeep-store.ts`.
 */
export interface UpkeepStore {
  /** Of all blobs with a record. */
  measureBlobs(): Promise<{ count: number; bytes: number }>;

  /** Least recently used first, then by digest; only what was last used before `usedBefore`. */
  listLeastUsed(
    kind: ContentKind,
    page: { after?: UseCursor | undefined; usedBefore?: number; limit: number },
  ): Promise<StoredContent[]>;

  /**
   * For each digest, in order: the names that lead to it through manifests at any depth (a blob by
   * the tags of the images and indexes above it, a referrer by those of its subject in a repository
   * that has both), and the pins in force at `at` that cover it in the same way.
   */
  findStandings(digests: readonly Digest[], at: number): Promise<Standing[]>;

  /**
   * Forgets blobs that were not used since `usedAt`, and says which those were; their bytes are
   * the caller's next step. Links stay as long as a manifest here refers to them. One step, which
   * requests wait for: callers give some tens at a time.
   */
  removeBlobs(unused: readonly UseCursor[]): Promise<Digest[]>;

  /**
   * Forgets manifests that were not used since `usedAt`, with the tags that point to them, their
   * links, and the links of what no manifest here refers to any more and that is not here itself.
   * Blobs stay. Says which were forgotten. Each is a step of its own, with other calls in between.
   */
  removeManifests(unused: readonly UseCursor[]): Promise<Digest[]>;

  /** Never hashed first, then the oldest check; only those last checked before `checkedBefore`. */
  listLeastChecked(page: { checkedBefore: number; limit: number }): Promise<StoredBlob[]>;
  /** The blob's bytes were hashed and are right; passed over where it has no record any more. */
  saveCheck(digest: Digest, at: number): Promise<void>;
  /** Its bytes are in doubt: the next request hashes them before it serves them. */
  clearCheck(digest: Digest): Promise<void>;

  /** In digest order, those after `after`. */
  listBlobs(page: { after?: Digest | undefined; limit: number }): Promise<StoredBlob[]>;
}
