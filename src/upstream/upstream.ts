import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Reference } from "../oci/reference.ts";
import type { RepositoryName } from "../oci/repository-name.ts";

/**
 * unreachable: no connection, broken connection, or the breaker is open · timeout: connection,
 * headers or body took too long · rate-limited: 429 · server-error: 408 or 5xx · denied: it wants
 * other rights than we have, or hides that there is nothing · credentials: it refused the
 * configured ones · invalid: it answered what no registry should.
 */
export type UpstreamFailure =
  | "unreachable"
  | "timeout"
  | "rate-limited"
  | "server-error"
  | "denied"
  | "credentials"
  | "invalid";

/** Names no secret: not the token, not the query of a signed URL. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly failure: UpstreamFailure;
  readonly retryAfterMs: number | undefined;

  constructor(
    failure: UpstreamFailure,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, { cause: options.cause });
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export interface ManifestHead {
  digest: Digest;
  /** Present where HEAD was not enough to tell the digest and a GET had to be made. */
  manifest: Manifest | undefined;
}

/** A blob's bytes as upstream sends them, unverified. */
export interface RemoteBlob {
  /** Position of the first byte that comes: 0 where upstream ignored the range. */
  offset: number;
  /** Of the whole blob; undefined where upstream did not say. */
  size: number | undefined;
  /** Which endpoint sends it, for `distrust`. */
  endpoint: string;
  /** Ends cleanly only if all promised bytes came; throws UpstreamError otherwise. */
  chunks: AsyncIterable<Uint8Array>;
  /** Gives the connection back or up. Safe to call at any time, more than once. */
  close(): void;
}

export interface TagPage {
  tags: string[];
  /** Query of the next page (`last=b&n=2`), as upstream wrote it. */
  next: string | undefined;
}

/**
 * One remote registry. undefined = it said 404; all else throws UpstreamError. Retries, endpoints,
 * tokens and redirects are its own business. Names are whole: `library/node`. Verifies manifests,
 * not blobs.
 */
export interface Upstream extends AsyncDisposable {
  /** Canonical host: `docker.io`. */
  readonly host: string;
  headManifest(name: RepositoryName, reference: Reference): Promise<ManifestHead | undefined>;
  getManifest(name: RepositoryName, reference: Reference): Promise<Manifest | undefined>;
  headBlob(name: RepositoryName, digest: Digest): Promise<{ size: number | undefined } | undefined>;
  /** `range.end` undefined: to the blob's end. Aborting `signal` fails the open and the chunks. */
  openBlob(
    name: RepositoryName,
    digest: Digest,
    range: { start: number; end: number | undefined },
    signal: AbortSignal,
  ): Promise<RemoteBlob | undefined>;
  /** `query` goes upstream as it is. */
  listTags(name: RepositoryName, query: URLSearchParams): Promise<TagPage | undefined>;
  /** It sent wrong bytes: for a while it is asked last. */
  distrust(endpoint: string): void;
}
