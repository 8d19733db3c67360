import { isHostPattern } from "../oci/host-patterns.ts";
import type { EgressConfig, EndpointConfig, PatternConfig, UpstreamConfig } from "./config.ts";
import type { EgressSettings } from "./egress-schema.ts";
import { presetEndpoint } from "./presets.ts";
import type { ProxyEnvironment } from "./proxy-environment.ts";
import { toAccounts } from "./to-account.ts";
import { toEgress, unwrittenEgress } from "./to-egress.ts";
import type { Path } from "./tree.ts";
import type { UpstreamSettings } from "./upstream-schema.ts";

/** What is not in the settings themselves. */
export interface Surroundings {
  /** Where a setting stands: `mirror.config.yaml:12`. */
  placeOf: (path: Path) => string;
  proxies: ProxyEnvironment;
}

/** From the words of the file to those of the code, which name units. */
export function toUpstream(
  host: string,
  settings: UpstreamSettings,
  { placeOf, proxies }: Surroundings,
): UpstreamConfig {
  const egress = toEgress(settings, proxies, unwrittenEgress);
  const toPatterns = (key: "allow" | "deny"): PatternConfig[] =>
    settings[key].map((text, index) => ({
      text,
      place: placeOf(["upstreams", host, key, index]),
    }));
  const { credentials, accounts } = settings;
  return {
    endpoints: toEndpoints(host, settings, (own) => toEgress(own, proxies, egress)),
    strategy: settings.strategy,
    prefix: settings.prefix,
    hosts: settings.hosts,
    accounts: (credentials ? [credentials] : accounts).flatMap(toAccounts),
    tokenRealms: settings.tokenRealms,
    allow: toPatterns("allow"),
    deny: toPatterns("deny"),
    denyMessage: settings.denyMessage,
    allowAddresses: settings.allowAddresses,
    connections: settings.connections,
    connectionsPerBlob: settings.connectionsPerBlob,
    parallelFromBytes: settings.parallelFrom,
    connectTimeoutMs: settings.connectTimeout,
    responseTimeoutMs: settings.responseTimeout,
    stallTimeoutMs: settings.stallTimeout,
    minBytesPerSecond: settings.minRate,
    minRateForMs: settings.minRateFor,
    retries: settings.retries,
    maxRetryWaitMs: settings.maxRetryWait,
    egress,
  };
}

type EndpointSettings = NonNullable<UpstreamSettings["endpoints"]>[number];

/** None for a pattern: each host that it lets in is its own endpoint. */
function toEndpoints(
  host: string,
  { endpoints }: UpstreamSettings,
  egressOf: (written: EgressSettings) => EgressConfig,
): EndpointConfig[] {
  if (isHostPattern(host)) return [];
  const preset: EndpointSettings = { url: presetEndpoint(host), trust: "full" };
  const written = endpoints ?? [preset];
  return written.map(({ url, trust, ...own }) => ({ url, trust, egress: egressOf(own) }));
}
