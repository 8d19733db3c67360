import { Writable } from "node:stream";
import { request, type Dispatcher } from "undici";
import { startMirror } from "../../src/compose.ts";
import type {
  Config,
  EgressConfig,
  EndpointConfig,
  PrefetchConfig,
  RuleConfig,
  ScrubConfig,
  StorageConfig,
  TagsConfig,
  UpstreamConfig,
} from "../../src/config/config.ts";
import type {
  OperationArgs,
  OperationEvent,
  OperationName,
  OperationResult,
  Operations,
} from "../../src/registry/operations/operations.ts";
import { unwrittenEgress } from "../../src/config/to-egress.ts";
import { directEgress } from "../../src/upstream/egress/egress.ts";
import { ShiftedClock } from "./shifted-clock.ts";
import { makeTempDir } from "./temp-dir.ts";

/** A base URL; trusted in full unless it says otherwise, and reached directly. */
type TestEndpoint =
  string | { url: string; trust?: EndpointConfig["trust"]; egress?: Partial<EgressConfig> };

interface TestUpstream extends Partial<Omit<UpstreamConfig, "endpoints">> {
  endpoints: TestEndpoint[];
}

export interface TestMirrorOptions {
  /** Of the default upstream. */
  endpoints: TestEndpoint[];
  /** The default upstream's canonical host: docker.io unless given. */
  host?: string;
  /** Further upstreams, by canonical host or pattern. */
  registries?: Record<string, TestUpstream>;
  publicUrl?: string;
  /** Where an earlier mirror left its storage. */
  storage?: string;
  clock?: ShiftedClock;
  tags?: Partial<TagsConfig>;
  /** Of the default one. */
  upstream?: Partial<Omit<UpstreamConfig, "endpoints">>;
  drainTimeoutMs?: number;
  /** No limits unless given. */
  limits?: Partial<Omit<StorageConfig, "path">>;
  /** Never unless given. */
  scrub?: ScrubConfig;
  rules?: RuleConfig[];
  prefetch?: Partial<PrefetchConfig>;
  /** Told of each SQL statement. */
  onStatement?: (sql: string) => void;
}

export interface Answer {
  status: number;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

export interface LogLine {
  level: string;
  msg: string;
  [field: string]: unknown;
}

const directly: EgressConfig = { ...unwrittenEgress, proxies: directEgress.proxies };

/** Patience short enough for tests, long enough for a busy machine. */
const upstreamDefaults: UpstreamConfig = {
  endpoints: [],
  strategy: "ordered",
  prefix: undefined,
  hosts: [],
  accounts: [],
  tokenRealms: [],
  allow: [],
  deny: [],
  denyMessage: undefined,
  allowAddresses: [],
  egress: directly,
  minBytesPerSecond: 0,
  minRateForMs: 5000,
  connections: 32,
  connectionsPerBlob: 4,
  parallelFromBytes: 32 * 1024 ** 2,
  connectTimeoutMs: 2000,
  responseTimeoutMs: 5000,
  stallTimeoutMs: 500,
  retries: 2,
  maxRetryWaitMs: 1000,
};

const identity = { version: "0.0.0-test", command: "entrepot serve" };

/** The whole mirror in this process: real disk, real SQLite, real HTTP on 127.0.0.1. */
export class TestMirror implements AsyncDisposable {
  readonly url: string;
  readonly storage: string;
  readonly clock: ShiftedClock;
  readonly log: LogLine[];
  readonly #stop: () => Promise<void>;
  readonly drain: () => Promise<void>;
  readonly operations: Operations;

  private constructor(
    parts: Pick<TestMirror, "url" | "storage" | "clock" | "log" | "drain" | "operations"> & {
      stop: () => Promise<void>;
    },
  ) {
    this.url = parts.url;
    this.storage = parts.storage;
    this.clock = parts.clock;
    this.log = parts.log;
    this.drain = parts.drain;
    this.operations = parts.operations;
    this.#stop = parts.stop;
  }

  static async start(options: TestMirrorOptions): Promise<TestMirror> {
    const dir = options.storage === undefined ? await makeTempDir() : undefined;
    const storage = options.storage ?? dir?.path ?? "";
    const clock = options.clock ?? new ShiftedClock();
    const log: LogLine[] = [];
    const mirror = await startMirror(testConfig(options, storage), identity, {
      clock,
      logDestination: collectLines(log),
      ...(options.onStatement && { onStatement: options.onStatement }),
    });
    return new TestMirror({
      url: mirror.url,
      storage,
      clock,
      log,
      drain: () => mirror.drain(),
      operations: mirror.operations,
      stop: async () => {
        await mirror[Symbol.asyncDispose]();
        await dir?.[Symbol.asyncDispose]();
      },
    });
  }

  /** As a command does. */
  async run<Name extends OperationName>(
    name: Name,
    args: OperationArgs<Name>,
  ): Promise<OperationResult<Name>> {
    return (await this.#call(name, args)).result;
  }

  /** What a list operation lists. */
  async list<Name extends OperationName>(
    name: Name,
    args: OperationArgs<Name>,
  ): Promise<OperationEvent<Name>[]> {
    return (await this.#call(name, args)).events;
  }

  async #call<Name extends OperationName>(name: Name, args: OperationArgs<Name>) {
    const events: OperationEvent<Name>[] = [];
    const { signal } = new AbortController();
    const onEvent = (event: OperationEvent<Name>) => void events.push(event);
    const result = await this.operations[name](args, { signal, onEvent });
    return { events, result };
  }

  /** The whole answer; rejects when the connection is destroyed in the middle of the body. */
  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send("GET", path, headers);
  }

  async head(path: string): Promise<Answer> {
    return this.send("HEAD", path, {});
  }

  async send(
    method: Dispatcher.HttpMethod,
    path: string,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const response = await request(`${this.url}${path}`, { method, headers });
    const body = Buffer.from(await response.body.arrayBuffer());
    const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
    return { status: response.statusCode, headers: Object.fromEntries(flat), body };
  }

  /** Only until the headers; the caller reads or destroys the body. */
  async open(path: string, headers: Record<string, string> = {}): Promise<Dispatcher.ResponseData> {
    return request(`${this.url}${path}`, { headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}

function testConfig(options: TestMirrorOptions, storage: string): Config {
  const { endpoints, tags, upstream, drainTimeoutMs = 5000, host = "docker.io" } = options;
  const upstreams = { [host]: { ...upstream, endpoints }, ...options.registries };
  return {
    server: {
      host: "127.0.0.1",
      port: 0,
      drainTimeoutMs,
      headersTimeoutMs: 5000,
      idleTimeoutMs: 60_000,
      sendfile: true,
      publicUrl: options.publicUrl,
    },
    log: { level: "debug", format: "json" },
    storage: {
      path: storage,
      maxBytes: Infinity,
      minFree: { bytes: 0 },
      maxAgeMs: Infinity,
      ...options.limits,
    },
    scrub: options.scrub ?? { bytesPerSecond: 1024 ** 3, everyMs: Infinity },
    tags: {
      revalidateAfterMs: 60_000,
      revalidateTimeoutMs: 3000,
      serveStaleForMs: 30 * 24 * 3_600_000,
      negativeTtlMs: 10_000,
      ...tags,
    },
    rules: options.rules ?? [],
    prefetch: {
      names: [],
      platforms: "all",
      schedule: undefined,
      timeZone: undefined,
      ...options.prefetch,
    },
    defaultUpstream: host,
    upstreams: new Map(Object.entries(upstreams).map(([key, each]) => [key, testUpstream(each)])),
  };
}

function testUpstream({ endpoints, ...settings }: TestUpstream): UpstreamConfig {
  return { ...upstreamDefaults, ...settings, endpoints: endpoints.map(testEndpoint) };
}

function testEndpoint(endpoint: TestEndpoint): EndpointConfig {
  if (typeof endpoint === "string") return testEndpoint({ url: endpoint });
  const { url, trust = "full", egress } = endpoint;
  return { url, trust, egress: { ...directly, ...egress } };
}

function collectLines(lines: LogLine[]): Writable {
  return new Writable({
    write(chunk: Buffer, _, done) {
      for (const line of chunk.toString().split("\n")) {
        if (line !== "") lines.push(JSON.parse(line));
      }
      done();
    },
  });
}
