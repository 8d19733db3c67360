import type { EndpointConfig, UpstreamConfig } from "../config/config.ts";
import { presetEndpoint } from "../config/presets.ts";
import type { Statistics } from "../registry/statistics.ts";
import { AddressGuard } from "../upstream/egress/address-guard.ts";
import { RegistryUpstream } from "../upstream/registry-upstream.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Basics } from "./basics.ts";
import { openCredentialSources } from "./credential-sources.ts";

interface UpstreamParts {
  host: string;
  settings: UpstreamConfig;
  /** A client named it, and a pattern let it in. */
  isLetIn: boolean;
  basics: Basics;
  statistics: Statistics;
}

/** Asks nothing yet. What it holds goes with `held`. */
export function openUpstream(parts: UpstreamParts, held: AsyncDisposableStack): Upstream {
  const { host, settings, isLetIn, basics, statistics } = parts;
  const { clock, log, scope } = basics;
  const onAttempt = () => scope.noteUpstreamAttempt();
  return held.use(
    new RegistryUpstream({
      ...settings,
      host,
      ...reachOf({ host, settings, isLetIn }),
      accounts: openCredentialSources({ host, settings, basics, onAttempt }, held),
      clock,
      log,
      onAttempt,
      onReceived: (bytes) => statistics.noteReceived(bytes),
    }),
  );
}

interface Reach {
  endpoints: EndpointConfig[];
  guard: AddressGuard | undefined;
}

/** Where the upstream is; one that a client named is reached at that name, and may only be public. */
export function reachOf(parts: Pick<UpstreamParts, "host" | "settings" | "isLetIn">): Reach {
  const { host, settings, isLetIn } = parts;
  if (!isLetIn) return { endpoints: settings.endpoints, guard: undefined };
  const { egress, allowAddresses } = settings;
  return {
    endpoints: [{ url: presetEndpoint(host), trust: "full", egress }],
    guard: new AddressGuard({ allow: allowAddresses }),
  };
}
