import { isHostPattern } from "../oci/host-patterns.ts";
import { isDeepStrictEqual } from "node:util";
import { toAccountTree } from "./account-tree.ts";
import type { EgressConfig, EndpointConfig, UpstreamConfig } from "./config.ts";
import { maskProxyUrl } from "./proxy-url.ts";
import { mask, withoutAbsent, type Tree } from "./tree.ts";
import { formatDuration, formatSize } from "./units.ts";

/** The reverse of `toUpstream`. What the environment says of proxies is not part of the file. */
export function toUpstreamTree(host: string, upstream: UpstreamConfig): Tree {
  const { minBytesPerSecond } = upstream;
  return withoutAbsent({
    ...toPlaceTree(host, upstream),
    ...toAccessTree(upstream),
    ...toEgressTree(upstream.egress),
    connections: upstream.connections,
    connectionsPerBlob: upstream.connectionsPerBlob,
    parallelFrom: formatSize(upstream.parallelFromBytes),
    connectTimeout: formatDuration(upstream.connectTimeoutMs),
    responseTimeout: formatDuration(upstream.responseTimeoutMs),
    stallTimeout: formatDuration(upstream.stallTimeoutMs),
    minRate: minBytesPerSecond === 0 ? "off" : formatSize(minBytesPerSecond),
    minRateFor: formatDuration(upstream.minRateForMs),
    retries: upstream.retries,
    maxRetryWait: formatDuration(upstream.maxRetryWaitMs),
  });
}

/** Where it is, and by what names. */
function toPlaceTree(host: string, upstream: UpstreamConfig): Tree {
  const { strategy, prefix, hosts, allowAddresses, egress } = upstream;
  if (isHostPattern(host)) return { strategy, allowAddresses };
  const endpoints = upstream.endpoints.map((endpoint) => toEndpointTree(endpoint, egress));
  return { endpoints, strategy, prefix, hosts };
}

/** Who asks, and for what. */
function toAccessTree(upstream: UpstreamConfig): Tree {
  const { tokenRealms, allow, deny, denyMessage } = upstream;
  const accounts = upstream.accounts.map(toAccountTree);
  return {
    credentials: accounts.length === 1 ? accounts[0] : undefined,
    accounts: accounts.length > 1 ? accounts : undefined,
    tokenRealms,
    allow: allow.map(({ text }) => text),
    deny: deny.map(({ text }) => text),
    denyMessage,
  };
}

/** As short as it can be written. */
function toEndpointTree({ url, trust, egress }: EndpointConfig, common: EgressConfig) {
  const isOwn = !isDeepStrictEqual(egress, common);
  if (trust === "full" && !isOwn) return url;
  return isOwn ? { url, trust, ...toEgressTree(egress) } : { url, trust };
}

function toEgressTree({ written, resolve, family }: EgressConfig): Tree {
  const { noProxy, caFile, certFile, keyFile } = written;
  const tls = withoutAbsent({ caFile, certFile, keyFile });
  return withoutAbsent({
    proxy: toProxyTree(written.proxies),
    // A copy, for what several endpoints share would be written as an alias.
    noProxy: noProxy && [...noProxy],
    tls: Object.keys(tls).length === 0 ? undefined : tls,
    resolve: resolve.size === 0 ? undefined : Object.fromEntries(resolve),
    addressFamily: family === undefined ? "auto" : `ipv${family}`,
  });
}

function toProxyTree(proxies: EgressConfig["written"]["proxies"]): string | Tree | undefined {
  const masked = withoutAbsent({
    registry: maskProxy(proxies.registry),
    token: maskProxy(proxies.token),
    content: maskProxy(proxies.content),
  });
  const { registry, token, content } = proxies;
  if (registry !== undefined && registry === token && token === content) return maskProxy(registry);
  return Object.keys(masked).length === 0 ? undefined : masked;
}

function maskProxy(written: string | undefined): string | undefined {
  return written === undefined ? undefined : maskProxyUrl(written, mask);
}
