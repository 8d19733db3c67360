import { HostPatterns, isHostPattern } from "../../oci/host-patterns.ts";
import type { AccountStatus, EndpointStatus, Upstream } from "../../upstream/upstream.ts";
import type { AccountEntry, EndpointEntry, Operations, UpstreamEntry } from "./operations.ts";

export interface ListUpstreamsOptions {
  registries: { list: () => readonly { upstream: Pick<Upstream, "describe"> }[] };
  /** By canonical host or pattern, as configured. */
  configured: ReadonlyMap<string, Pick<UpstreamEntry, "strategy">>;
  /** One of those that are no patterns. */
  defaultUpstream: string;
}

/** In the configured order; behind a pattern stand the hosts that it let in, or itself for none. */
export function createListUpstreams(options: ListUpstreamsOptions): Operations["listUpstreams"] {
  return async () => {
    const { configured, defaultUpstream } = options;
    const patterns = new HostPatterns(configured.keys());
    const keyOf = (host: string) => (configured.has(host) ? host : patterns.find(host));
    const statuses = options.registries.list().map(({ upstream }) => upstream.describe());
    return [...configured].flatMap(([key, { strategy }]): UpstreamEntry[] => {
      const entries = statuses
        .filter(({ host }) => keyOf(host) === key)
        .map(({ host, endpoints, accounts, ...status }) => ({
          host,
          isDefault: host === defaultUpstream,
          strategy: status.strategy,
          endpoints: endpoints.map(toEndpointEntry),
          accounts: accounts.map(toAccountEntry),
        }));
      if (entries.length > 0 || !isHostPattern(key)) return entries;
      return [{ host: key, isDefault: false, strategy, endpoints: [], accounts: [] }];
    });
  };
}

function toEndpointEntry(status: EndpointStatus): EndpointEntry {
  const { latencyMs, bytesPerSecond, lastError, ...entry } = status;
  return {
    ...entry,
    ...(latencyMs !== undefined && { latencyMs }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    ...(lastError !== undefined && { lastError }),
  };
}

function toAccountEntry({ name, budget, restsUntil }: AccountStatus): AccountEntry {
  return {
    name,
    ...(budget !== undefined && { budget }),
    ...(restsUntil !== undefined && { restsUntil }),
  };
}
