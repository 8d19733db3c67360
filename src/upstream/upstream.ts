import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Referrer } from "../oci/referrer.ts";
import type { Reference } from "../oci/reference.ts";
import type { RepositoryName } from "../oci/repository-name.ts";

/**
 * unreachable: no connection, broken connection, or the breaker is open · timeout: connection,
 * headers or body took too long · rate-limited: 429 · server-error: 408 or 5xx · denied: it wants
 * other rights than we have, or hides that there is nothing · credentials: it refused the
 * configured ones · forbidden: it is, or leads to, where the address guard lets nobody go · invalid:
 * it answered what no registry should.
 */
export type UpstreamFailure =
  | "unreachable"
  | "timeout"
  | "rate-limited"
  | "server-error"
  | "denied"
  | "credentials"
  | "forbidden"
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

/**
 * Takes a chunk over. A promise: no further one is wanted before it resolves. What it throws, then
 * or by the promise, ends the reading.
 */
export type TakeChunk = (chunk: Uint8Array) => Promise<void> | undefined;

/** A blob's bytes as upstream sends them, unverified. */
export interface RemoteBlob {
  /** Position of the first byte that comes: 0 where upstream ignored the range. */
  offset: number;
  /** Position behind the last byte that comes; undefined where the body does not tell its length. */
  end: number | undefined;
  /** Of the whole blob; undefined where upstream did not say. */
  size: number | undefined;
  /** Those that have sent bytes of it so far, for `distrust`; grows while it is read. */
  readonly endpoints: readonly string[];
  /** The registry itself began it, so that the repository has a right to it; a content endpoint proves bytes only. */
  readonly isVouched: boolean;
  /**
   * Once only: hands every chunk to `take`, as it comes and in order. Resolves only if all promised
   * bytes came; throws UpstreamError otherwise, or what `take` throws.
   */
  readTo(take: TakeChunk): Promise<void>;
  /** Gives the connection back or up. Safe to call at any time, more than once. */
  close(): void;
}

export interface TagPage {
  tags: string[];
  /** Query of the next page (`last=b&n=2`), as upstream wrote it. */
  next: string | undefined;
}

/** How many connections one blob may take, from which size on. */
export interface ParallelRanges {
  /** 1: never more than one. */
  connectionsPerBlob: number;
  parallelFromBytes: number;
}

/** How many requests an account has left at a registry, as that one last said. */
export interface Budget {
  limit: number;
  remaining: number;
  /** The limit counts the requests of so long. */
  windowMs: number;
  /** Milliseconds since 1970. */
  toldAt: number;
}

/** How an endpoint is treated now. unused: nothing was asked of it yet · failing: it did not answer the last time, and is asked on · distrusted: it sent what is wrong · slow: another one was faster · resting: it does not answer, and is not asked · probing: one request finds out whether it does again. */
export type EndpointState =
  "ok" | "unused" | "failing" | "distrusted" | "slow" | "resting" | "probing";

export interface EndpointStatus {
  url: string;
  /** content: asked only for what a digest proves. */
  trust: "full" | "content";
  state: EndpointState;
  /** Until the first byte of an answer; moving averages, undefined until measured. */
  latencyMs: number | undefined;
  bytesPerSecond: number | undefined;
  requests: number;
  failures: number;
  /** Contents with a wrong digest. */
  lies: number;
  /** `at`: milliseconds since 1970. No secret, no query of a signed URL. */
  lastError: { at: number; failure: UpstreamFailure; message: string } | undefined;
}

export interface AccountStatus {
  /** A user name, or what stands for it: `anonymous`, `token file`, `ECR`. */
  name: string;
  budget: Budget | undefined;
  /** Not used before then, as the registry asked to wait or refused it; milliseconds since 1970. */
  restsUntil: number | undefined;
}

export interface UpstreamStatus {
  host: string;
  strategy: "ordered" | "fastest";
  endpoints: EndpointStatus[];
  accounts: AccountStatus[];
}

/**
 * One remote registry. undefined = it said 404; all else throws UpstreamError. Retries, endpoints,
 * accounts, tokens, proxies and redirects are its own business. Names are whole: `library/node`.
 * Verifies manifests, not blobs.
 */
export interface Upstream extends AsyncDisposable {
  /** Canonical host: `docker.io`. */
  readonly host: string;
  /** A client named it, and no operator: whoever runs it may mean harm. */
  readonly isLetIn: boolean;
  readonly parallelRanges: ParallelRanges;
  /** A further connection for a blob would keep nobody waiting. */
  readonly hasSpareConnection: boolean;
  headManifest(name: RepositoryName, reference: Reference): Promise<ManifestHead | undefined>;
  /** `trust` full: by digest, too, only from where it proves that the repository has it. */
  getManifest(
    name: RepositoryName,
    reference: Reference,
    trust?: "full",
  ): Promise<Manifest | undefined>;
  headBlob(name: RepositoryName, digest: Digest): Promise<{ size: number | undefined } | undefined>;
  /** `range.end` undefined: to the blob's end. Aborting `signal` fails the open and the reading. */
  openBlob(
    name: RepositoryName,
    digest: Digest,
    range: { start: number; end: number | undefined },
    signal: AbortSignal,
  ): Promise<RemoteBlob | undefined>;
  /** `query` goes upstream as it is. */
  listTags(name: RepositoryName, query: URLSearchParams): Promise<TagPage | undefined>;
  /** All of its manifests whose subject it is; undefined: it has no referrers API. */
  listReferrers(name: RepositoryName, subject: Digest): Promise<Referrer[] | undefined>;
  /** These sent a blob together whose digest was wrong: for a while they are not, or last, asked. */
  distrust(endpoints: readonly string[]): void;
  /** Of the account that would be used next; undefined: the registry tells none. */
  readonly budget: Budget | undefined;
  describe(): UpstreamStatus;
}
