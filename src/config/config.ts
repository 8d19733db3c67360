import type { NamePattern } from "../oci/name-pattern.ts";
import type { Platform } from "../oci/platform.ts";

/** What the server is told to do, checked and with defaults filled in. Times are milliseconds. */
export interface Config {
  server: ServerConfig;
  log: LogConfig;
  storage: StorageConfig;
  scrub: ScrubConfig;
  tags: TagsConfig;
  /** In order: the first that matches and sets a key decides it. */
  rules: RuleConfig[];
  prefetch: PrefetchConfig;
  /** A key of `upstreams`. */
  defaultUpstream: string;
  /** By canonical host: `docker.io`. */
  upstreams: Map<string, UpstreamConfig>;
}

interface ServerConfig {
  host: string;
  port: number;
  /** How long running transfers may go on after a stop was asked for. */
  drainTimeoutMs: number;
  /** Within this a client must have sent its request headers. */
  headersTimeoutMs: number;
  /** A connection on which nothing moves for so long is closed. */
  idleTimeoutMs: number;
  /** The origin clients are told to use; undefined: made from host and port. */
  publicUrl: string | undefined;
}

export interface StorageConfig {
  /** Absolute. */
  path: string;
  /** Blobs on disk, partial and quarantined ones included; Infinity: no limit. */
  maxBytes: number;
  /** What eviction leaves free on the file system. */
  minFree: { percent: number } | { bytes: number };
  /** Unused for so long, content expires; Infinity: never. */
  maxAgeMs: number;
}

export interface ScrubConfig {
  /** Read from the disk at most. */
  bytesPerSecond: number;
  /** Each blob is hashed again once in so long; Infinity: never. */
  everyMs: number;
}

export interface RuleConfig extends RuleSettings {
  pattern: NamePattern;
  /** Where it stands: `mirror.config.yaml:12`. */
  place: string;
}

/** What is absent is left to the rules behind, and at last to what holds for all. */
interface RuleSettings {
  revalidateAfterMs?: number;
  serveStaleForMs?: number;
  /** A tag that is here is never asked about. */
  immutable?: boolean;
  /** keep: what is here is served on when upstream says that the tag is gone. */
  onUpstreamDelete?: "follow" | "keep";
  /** Neither eviction nor age takes it. */
  pin?: boolean;
  /** Infinity: never. */
  maxAgeMs?: number;
  /** A text is told to whoever asks. */
  deny?: boolean | string;
}

export interface PrefetchConfig {
  /** As they are pulled, checked: `node:24`. */
  names: string[];
  /** Of indexes; "all": every one. */
  platforms: Platform[] | "all";
  /** A cron pattern; undefined: only when asked to. */
  schedule: string | undefined;
  /** IANA name of the schedule's time zone; undefined: the machine's. */
  timeZone: string | undefined;
}

interface LogConfig {
  level: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
  format: "auto" | "pretty" | "json";
}

export interface TagsConfig {
  revalidateAfterMs: number;
  revalidateTimeoutMs: number;
  serveStaleForMs: number;
  negativeTtlMs: number;
}

export interface UpstreamConfig {
  /** Base URLs without a trailing slash, tried in this order; one or more. */
  endpoints: string[];
  credentials: { username: string; password: string } | undefined;
  /** Hosts that may get the credentials besides those of the registry's registrable domain. */
  tokenRealms: string[];
  connections: number;
  connectTimeoutMs: number;
  /** Until the response headers. */
  responseTimeoutMs: number;
  /** Without a byte of body. */
  stallTimeoutMs: number;
  /** Further tries of one request after the first. */
  retries: number;
  /** A longer Retry-After is not waited for. */
  maxRetryWaitMs: number;
}
