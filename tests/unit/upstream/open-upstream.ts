import { Writable } from "node:stream";
import { pino, type Logger } from "pino";
import { parseReference, type Reference } from "../../../src/oci/reference.ts";
import { parseRepositoryName } from "../../../src/oci/repository-name.ts";
import type { CredentialSource } from "../../../src/upstream/credentials.ts";
import { directEgress } from "../../../src/upstream/egress/egress.ts";
import type { EndpointSettings } from "../../../src/upstream/open-endpoints.ts";
import {
  RegistryUpstream,
  type RegistryUpstreamOptions,
} from "../../../src/upstream/registry-upstream.ts";
import type { RemoteBlob, Upstream } from "../../../src/upstream/upstream.ts";
import type { TestBlob } from "../../support/images.ts";
import { ManualClock } from "./manual-clock.ts";

export const app = parseRepositoryName("library/app");
export const latest: Reference = parseReference("latest");
export const never = new AbortController().signal;

export interface OpenedUpstream extends AsyncDisposable {
  upstream: RegistryUpstream;
  clock: ManualClock;
  /** Everything logged, a line of JSON each. */
  lines: string[];
}

/** A base URL, trusted in full unless it says otherwise. */
type TestEndpoint = string | (Partial<EndpointSettings> & { url: string });

/** A RegistryUpstream with no patience in real time; endless in the clock's. */
export function openUpstream(
  endpoints: TestEndpoint | TestEndpoint[],
  options: Partial<Omit<RegistryUpstreamOptions, "endpoints">> = {},
): OpenedUpstream {
  const clock = new ManualClock();
  const { log, lines } = captureLog();
  const upstream = new RegistryUpstream({
    host: "registry.example",
    endpoints: [endpoints].flat().map(toSettings),
    strategy: "ordered",
    accounts: [],
    tokenRealms: [],
    connections: 8,
    connectionsPerBlob: 4,
    parallelFromBytes: 32 * 1024 ** 2,
    connectTimeoutMs: 1000,
    responseTimeoutMs: 5000,
    stallTimeoutMs: 5000,
    minBytesPerSecond: 0,
    minRateForMs: 5000,
    retries: 2,
    maxRetryWaitMs: 5000,
    guard: undefined,
    clock,
    random: () => 1,
    log,
    ...options,
  });
  return { upstream, clock, lines, [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose]() };
}

function toSettings(endpoint: TestEndpoint): EndpointSettings {
  const given = typeof endpoint === "string" ? { url: endpoint } : endpoint;
  return { trust: "full", egress: directEgress, ...given };
}

export function captureLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString().trim());
      done();
    },
  });
  return { log: pino({ level: "trace" }, destination), lines };
}

export async function openBlob(
  upstream: Upstream,
  blob: TestBlob,
  range: { start: number; end?: number } = { start: 0 },
): Promise<RemoteBlob> {
  const remote = await upstream.openBlob(app, blob.digest, { end: undefined, ...range }, never);
  if (!remote) throw new Error("the blob is not there");
  return remote;
}

export { readRemote as readAll } from "../../support/remote-blob-chunks.ts";

export function passwordSource(username: string, password: string): CredentialSource {
  return {
    name: username,
    get: async () => ({ kind: "password", username, password }),
    refuse: () => undefined,
  };
}
