import type { EgressConfig, EndpointConfig, UpstreamConfig } from "../../../src/config/config.ts";

const direct = { http: undefined, https: undefined };

/** What holds where neither file nor environment says anything. */
export const plainEgress: EgressConfig = {
  proxies: { registry: direct, token: direct, content: direct },
  noProxy: [],
  tls: { ca: undefined, certificate: undefined, key: undefined },
  resolve: new Map(),
  family: undefined,
  written: {
    proxies: { registry: undefined, token: undefined, content: undefined },
    noProxy: undefined,
    caFile: undefined,
    certFile: undefined,
    keyFile: undefined,
  },
};

export function fullEndpoint(url: string): EndpointConfig {
  return { url, trust: "full", egress: plainEgress };
}

/** With all defaults. */
export function plainUpstream(...urls: string[]): UpstreamConfig {
  return {
    endpoints: urls.map(fullEndpoint),
    strategy: "ordered",
    prefix: undefined,
    hosts: [],
    accounts: [],
    tokenRealms: [],
    allow: [],
    deny: [],
    denyMessage: undefined,
    allowAddresses: [],
    connections: 32,
    connectionsPerBlob: 4,
    parallelFromBytes: 32 * 1024 ** 2,
    connectTimeoutMs: 5000,
    responseTimeoutMs: 15_000,
    stallTimeoutMs: 15_000,
    minBytesPerSecond: 65_536,
    minRateForMs: 5000,
    retries: 3,
    maxRetryWaitMs: 5000,
    egress: plainEgress,
  };
}
