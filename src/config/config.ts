/** What the server is told to do, checked and with defaults filled in. Times are milliseconds. */
export interface Config {
  server: ServerConfig;
  log: LogConfig;
  /** `path` is absolute. */
  storage: { path: string };
  tags: TagsConfig;
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
