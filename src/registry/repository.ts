import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Referrer } from "../oci/referrer.ts";
import type { Reference } from "../oci/reference.ts";
import type { QualifiedName } from "../oci/repository-name.ts";
import type { BlobReader, FileTransfer } from "../store/blob/blob-store.ts";

export type { BlobReader, FileTransfer };

/**
 * HIT: from here, no upstream asked · MISS: fetched for this · REVALIDATED: from here, upstream
 * said it is still so · STALE: from here, upstream could not be asked · PASS: straight from
 * upstream, not kept.
 */
export type CacheStatus = "HIT" | "MISS" | "REVALIDATED" | "STALE" | "PASS";

interface Answer {
  cache: CacheStatus;
  /** With STALE: why, in words for the client's user. */
  warning?: string;
  /** With STALE: milliseconds since upstream last confirmed it. */
  ageMs?: number;
}

export interface ManifestAnswer extends Answer {
  manifest: Manifest;
}

export interface BlobStat extends Answer {
  size: number;
}

export interface BlobAnswer extends Answer {
  /** The caller disposes of it. Its `size` is the blob's. */
  reader: BlobReader;
}

export interface TagListAnswer extends Answer {
  tags: string[];
  /** Query of the next page, if there is one. */
  next: string | undefined;
}

export interface ReferrersAnswer extends Answer {
  /** All of them, filtered if `artifactType` was given. */
  referrers: Referrer[];
}

/**
 * All that http sees of a repository, whatever is behind it. Everything that is not content is
 * thrown as RegistryError: unknown objects as MANIFEST_UNKNOWN, BLOB_UNKNOWN or NAME_UNKNOWN, what
 * may not be had from here as DENIED.
 */
export interface Repository {
  /** Its complete name: `docker.io/library/node`. */
  readonly key: QualifiedName;
  getManifest(reference: Reference): Promise<ManifestAnswer>;
  statBlob(digest: Digest): Promise<BlobStat>;
  /** Resolves once the size is known and upstream, if it had to be asked, agreed to send it. */
  openBlob(digest: Digest): Promise<BlobAnswer>;
  /** `query` holds `n` and `last`, checked, and whatever else the client sent along. */
  listTags(query: URLSearchParams): Promise<TagListAnswer>;
  /** Manifests whose subject it is; none for a digest that nobody knows. */
  listReferrers(subject: Digest, artifactType: string | undefined): Promise<ReferrersAnswer>;
}
