import type { Digest } from "../../oci/digest.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";

/*
 * What an operator sees and does, in values that survive JSON: they go over a socket, and `--json`
 * prints them as they are. Times are milliseconds since 1970, sizes are bytes, names are complete
 * (`docker.io/library/node:latest`).
 */

interface OperationTypes {
  listRepositories: { args: { pattern?: string }; event: RepositoryEntry; result: Listed };
  listTags: { args: { pattern?: string }; event: TagEntry; result: Listed };
  listBlobs: { args: { pattern?: string }; event: BlobEntry; result: Listed };
  show: { args: { name: string }; event: never; result: Shown };
  /** `allTags`: the names are those of repositories, and all of each goes. */
  remove: { args: { names: string[]; allTags: boolean }; event: never; result: RemovedEntry[] };
  pin: { args: { name: string; until?: number; note?: string }; event: never; result: PinEntry };
  unpin: { args: { name: string }; event: never; result: { removed: boolean } };
  listPins: { args: object; event: never; result: PinEntry[] };
  /**
   * Without `toBytes` and `olderThanMs`: what the configured limits ask for. Its events are the
   * content that goes, or with `dryRun` would go, and the content that comes first but stays.
   */
  evict: {
    args: { toBytes?: number; olderThanMs?: number; dryRun: boolean };
    event: EvictionEntry;
    result: EvictionReport;
  };
  /** Without `name`, which may be a digest: all blobs. */
  verify: {
    args: { name?: string; repair: boolean };
    event: VerifyProgress;
    result: VerifyReport;
  };
  prefetch: {
    args: { names: string[]; platforms: string[] | "all" };
    event: PrefetchProgress;
    result: PrefetchReport;
  };
  /** Of the last `sinceMs`, in whole days (UTC). */
  stats: { args: { sinceMs?: number }; event: never; result: Stats };
  listUpstreams: { args: object; event: never; result: UpstreamEntry[] };
  /** Without `name`, which is a host or a name to pull: every upstream that is configured by name. */
  testUpstream: { args: { name?: string }; event: ProbeStep; result: ProbeReport };
}

export type OperationName = keyof OperationTypes;
export type OperationArgs<Name extends OperationName> = OperationTypes[Name]["args"];
export type OperationEvent<Name extends OperationName> = OperationTypes[Name]["event"];
export type OperationResult<Name extends OperationName> = OperationTypes[Name]["result"];

export interface CallOptions<Event> {
  /** Aborted when whoever asked has gone. */
  signal: AbortSignal;
  onEvent: (event: Event) => void;
  /**
   * Resolves once the events so far have been taken. Awaited between the pages of a long list, it
   * keeps them from piling up where the reader is slow.
   */
  caughtUp?: () => Promise<void>;
}

/** Throw RegistryError for what the caller got wrong: a bad name, one that is not here. */
export type Operations = {
  [Name in OperationName]: (
    args: OperationArgs<Name>,
    options: CallOptions<OperationEvent<Name>>,
  ) => Promise<OperationResult<Name>>;
};

interface Listed {
  count: number;
}

export interface RepositoryEntry {
  name: QualifiedName;
  tags: number;
  manifests: number;
  blobs: number;
  /** Here of it; what it shares with others is counted with each. */
  size: number;
  usedAt: number | undefined;
}

export interface TagEntry {
  /** `docker.io/library/node:24` */
  name: string;
  digest: Digest;
  size: number;
  usedAt: number | undefined;
  /** Upstream last confirmed it. */
  checkedAt: number;
  /** It took its digest. */
  changedAt: number;
  pinned: boolean;
}

export interface BlobEntry {
  digest: Digest;
  size: number;
  createdAt: number;
  usedAt: number;
  /** Its bytes were last hashed. */
  checkedAt: number | undefined;
  repositories: QualifiedName[];
}

export interface Shown {
  name: string;
  /** Canonical host of the upstream it came from; absent: nothing tells. */
  upstream?: string;
  /** Only of tags. */
  tag?: TagState;
  /** Absent: the tag is known, but not its manifest any more. */
  manifest?: ManifestNode;
  /** In the place of `manifest`, where the name is a blob's digest. */
  blob?: BlobEntry;
  pins: PinEntry[];
  /** Of rules that pin it. */
  pinnedByRules: string[];
  /** Further tags of the manifest; of a blob and an untagged manifest, those of all above it. */
  otherTags: string[];
}

export interface TagState {
  digest: Digest;
  checkedAt: number;
  changedAt: number;
  freshness: "fresh" | "revalidate" | "expired" | "immutable";
  /** Not asked about before then; absent where it will be at the next request. */
  freshUntil?: number;
}

/** A manifest or index with what it refers to. */
export interface ManifestNode {
  digest: Digest;
  mediaType: string;
  /** `linux/arm64/v8`, as the index above says. */
  platform?: string;
  /** Of the document; undefined: it is not here. */
  size: number | undefined;
  present: boolean;
  createdAt?: number;
  usedAt?: number;
  blobs: BlobNode[];
  manifests: ManifestNode[];
  referrers: ManifestNode[];
}

export interface BlobNode {
  digest: Digest;
  mediaType: string;
  size: number;
  present: boolean;
  usedAt?: number;
}

export interface RemovedEntry {
  name: string;
  tags: number;
  manifests: number;
  blobs: number;
  /** Of the blobs. */
  bytes: number;
}

export interface PinEntry {
  /** `docker.io/library/node:24` or `…@sha256:…` */
  name: string;
  createdAt: number;
  until?: number;
  note?: string;
  /** Whether any of what it covers is here. */
  present: boolean;
}

export interface EvictionEntry {
  kind: "blob" | "manifest" | "partial" | "quarantined";
  digest: Digest;
  size: number;
  usedAt: number;
  fate: "goes" | "stays";
  /** Why, in words: "unused for 91 days", "pinned by rule mirror.config.yaml:12". */
  reason: string;
  /** Names that lead to it; at most a few. */
  names: string[];
}

export interface EvictionReport {
  blobs: number;
  manifests: number;
  leftovers: number;
  /** Given back to the disk, or what would be. */
  bytes: number;
  /** In the cache afterwards. */
  bytesLeft: number;
  /** Of content that was passed over because it is pinned. */
  pinnedBytes: number;
  /** false: what was asked for could not be reached. */
  reached: boolean;
}

export interface VerifyProgress {
  done: { blobs: number; bytes: number };
  total: { blobs: number; bytes: number };
  /** One that was found not to be right. */
  damaged?: DamagedEntry;
}

export interface DamagedEntry {
  digest: Digest;
  size: number;
  /** "has another digest", "is missing", … */
  problem: string;
  repositories: QualifiedName[];
  /** Only with `repair`: it was fetched again, or why not. */
  repaired?: boolean;
  repairProblem?: string;
}

export interface VerifyReport {
  blobs: number;
  bytes: number;
  manifests: number;
  damaged: DamagedEntry[];
}

export type PrefetchProgress =
  | { kind: "name"; name: string; state: "resolving" | "done" | "failed"; problem?: string }
  | {
      kind: "blob";
      name: string;
      digest: Digest;
      size: number;
      received: number;
      state: "waiting" | "present" | "running" | "done" | "failed";
      problem?: string;
    };

export interface PrefetchReport {
  names: { name: string; complete: boolean; problem?: string }[];
  blobs: number;
  /** Of blobs that were not here before. */
  fetchedBytes: number;
  presentBytes: number;
}

export interface Stats {
  /** undefined: no server runs; counts are those that were written down. */
  runningSince: number | undefined;
  space: {
    blobs: number;
    blobBytes: number;
    partialBytes: number;
    quarantinedBytes: number;
    /** undefined: none is set. */
    maxBytes: number | undefined;
    diskFree: number;
    diskTotal: number;
    /** Kept free on the disk. */
    minFree: number;
  };
  counts: {
    repositories: number;
    tags: number;
    manifests: number;
    manifestBytes: number;
    pins: number;
  };
  traffic: {
    since: number;
    /** Answered with content; those answered with an error (not found, too) are apart. */
    requests: number;
    errors: number;
    hits: number;
    /** Of content, sent to clients. */
    bytes: number;
    /** Of those, from the cache. */
    hitBytes: number;
    /** Fetched from upstreams. */
    fetchedBytes: number;
    /** Sent beyond what was fetched. */
    savedBytes: number;
  };
  topRepositories: { name: QualifiedName; requests: number; bytes: number }[];
  downloads: DownloadEntry[];
  integrity: { uncheckedBlobs: number; oldestCheck: number | undefined; damagedSinceStart: number };
}

export interface UpstreamEntry {
  /** `docker.io`, or a pattern such as `*.pkg.dev` that nobody has asked for anything yet. */
  host: string;
  isDefault: boolean;
  strategy: "ordered" | "fastest";
  endpoints: EndpointEntry[];
  accounts: AccountEntry[];
}

export interface EndpointEntry {
  url: string;
  trust: "full" | "content";
  state: "ok" | "unused" | "failing" | "distrusted" | "slow" | "resting" | "probing";
  latencyMs?: number;
  bytesPerSecond?: number;
  requests: number;
  failures: number;
  /** Contents with a wrong digest. */
  lies: number;
  lastError?: { at: number; failure: string; message: string };
}

export interface AccountEntry {
  name: string;
  budget?: { limit: number; remaining: number; windowMs: number; toldAt: number };
  restsUntil?: number;
}

/** One thing that was tried on the way to an upstream, in the order in which a pull needs them. */
export interface ProbeStep {
  upstream: string;
  endpoint: string;
  step: "dns" | "tcp" | "proxy" | "tls" | "api" | "token" | "manifest" | "blob";
  /** skipped: an earlier one failed, or there is nothing to try it with. */
  outcome: "ok" | "failed" | "skipped";
  tookMs?: number;
  /** What was found, or in words what is wrong and what may help. */
  message: string;
}

export interface ProbeReport {
  upstreams: { host: string; ok: boolean; steps: ProbeStep[] }[];
}

export interface DownloadEntry {
  digest: Digest;
  repository: QualifiedName;
  size: number | undefined;
  received: number;
  startedAt: number;
}
