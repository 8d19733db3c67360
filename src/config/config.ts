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
  /** A key of `upstreams` that is no pattern: where bare names belong. */
  defaultUpstream: string;
  /** By canonical host (`docker.io`), suffix pattern (`*.pkg.dev`), or `*` for every other. */
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
  /** Blobs go from file to socket within the kernel, where it can be asked to. */
  sendfile: boolean;
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
  /** In this order; one or more, and of those one or more with full trust. Empty only for patterns. */
  endpoints: EndpointConfig[];
  strategy: "ordered" | "fastest";
  /** A first component of names that means this upstream, besides its host: `hub`. */
  prefix: string | undefined;
  /** Host names of the mirror at which bare names are this upstream's, in lower case, with a port or for all of them. */
  hosts: string[];
  /** Empty: as nobody. */
  accounts: AccountConfig[];
  /** Hosts that may get the credentials besides those of the registry's registrable domain. */
  tokenRealms: string[];
  /** Names within the upstream that may be pulled; empty: all. */
  allow: PatternConfig[];
  /** Those that may not, whatever `allow` says. */
  deny: PatternConfig[];
  /** For whoever asks for what may not be pulled; undefined: the usual words. */
  denyMessage: string | undefined;
  /** Of upstreams that are patterns: addresses (CIDR) that may be reached although they are not public. */
  allowAddresses: string[];
  connections: number;
  /** Of those, for one blob; 1: never more. */
  connectionsPerBlob: number;
  /** A smaller blob has one. */
  parallelFromBytes: number;
  connectTimeoutMs: number;
  /** Until the response headers. */
  responseTimeoutMs: number;
  /** Without a byte of body. */
  stallTimeoutMs: number;
  /** A blob that comes slower for `minRateForMs` is taken over by another endpoint; 0: never. */
  minBytesPerSecond: number;
  minRateForMs: number;
  /** Further tries of one request after the first. */
  retries: number;
  /** A longer Retry-After is not waited for. */
  maxRetryWaitMs: number;
  /** For endpoints that a pattern makes up, and for cloud services that give credentials. */
  egress: EgressConfig;
}

export interface EndpointConfig {
  /** Base URL without a trailing slash. */
  url: string;
  /** content: asked only for what a digest proves, and without credentials. */
  trust: "full" | "content";
  egress: EgressConfig;
}

/** A glob over `repository:tag` within an upstream, as written, checked. */
export interface PatternConfig {
  text: string;
  /** Where it stands: `mirror.config.yaml:12`. */
  place: string;
}

interface ProxyChoiceConfig {
  http: string | undefined;
  https: string | undefined;
}

/** Proxies are URLs with `http`, `https` or `socks5`, and credentials in them; undefined: none. */
export interface EgressConfig {
  proxies: { registry: ProxyChoiceConfig; token: ProxyChoiceConfig; content: ProxyChoiceConfig };
  /** Hosts, suffixes, addresses, CIDR blocks. */
  noProxy: string[];
  /** PEM as read from the files. */
  tls: { ca: string | undefined; certificate: string | undefined; key: string | undefined };
  resolve: Map<string, string>;
  family: 4 | 6 | undefined;
  /** Where this comes from, for whoever shows the configuration. */
  written: WrittenEgress;
}

export interface WrittenEgress {
  proxies: WrittenProxies;
  /** undefined: as the environment has it. */
  noProxy: string[] | undefined;
  /** Absolute. */
  caFile: string | undefined;
  certFile: string | undefined;
  keyFile: string | undefined;
}

/** URLs, or `direct`; undefined: as the environment has it. */
export interface WrittenProxies {
  registry: string | undefined;
  token: string | undefined;
  content: string | undefined;
}

/** Files are absolute paths; what is in them is read when it is needed. */
export type AccountConfig =
  | { kind: "password"; username: string; password: { text: string } | { file: string } }
  | { kind: "token"; file: string }
  | { kind: "docker-config"; file: string }
  | EcrAccountConfig
  | { kind: "gcp"; keyFile: string | undefined }
  | AcrAccountConfig;

/** Without keys and profile: environment, web identity, container and instance endpoints, in this order. */
interface EcrAccountConfig {
  kind: "ecr";
  /** undefined: as the registry's host says. */
  region: string | undefined;
  accessKeyId: string | undefined;
  secretAccessKeyFile: string | undefined;
  /** A shared credentials file, and the profile in it. */
  credentialsFile: string | undefined;
  profile: string | undefined;
}

/** With a client secret: a service principal; without: workload identity, else the machine's managed identity. */
interface AcrAccountConfig {
  kind: "acr";
  tenant: string | undefined;
  clientId: string | undefined;
  clientSecretFile: string | undefined;
}
