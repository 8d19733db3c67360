import type { Config, UpstreamConfig } from "../config/config.ts";
import { HostPatterns } from "../oci/host-patterns.ts";
import type { ProbeUpstream } from "../registry/operations/test-upstream.ts";
import { probeUpstream } from "../upstream/probe/probe.ts";
import type { Basics } from "./basics.ts";
import { openCredentialSources } from "./credential-sources.ts";
import { reachOf } from "./upstreams.ts";

interface ProbeParts {
  upstreams: Config["upstreams"];
  basics: Basics;
}

/** What it holds is its own, and goes when the probe is over. What it finds is told, not logged. */
export function createProbe({ upstreams, basics }: ProbeParts): ProbeUpstream {
  const log = basics.log.child({}, { level: "silent" });
  return async ({ host, target, onStep, signal }) => {
    const { settings, isLetIn } = findSettings(host, upstreams);
    await using held = new AsyncDisposableStack();
    const parts = { host, settings, basics: { ...basics, log }, onAttempt: () => {} };
    const endpoints = await probeUpstream({
      ...settings,
      ...reachOf({ host, settings, isLetIn }),
      sources: openCredentialSources(parts, held),
      target,
      clock: basics.clock,
      log,
      signal,
      onStep: (endpoint, finding) => onStep({ upstream: host, endpoint, ...finding }),
    });
    return endpoints.map(({ url, trust, findings }) => ({
      trust,
      steps: findings.map((finding) => ({ upstream: host, endpoint: url, ...finding })),
    }));
  };
}

function findSettings(
  host: string,
  upstreams: Config["upstreams"],
): { settings: UpstreamConfig; isLetIn: boolean } {
  const key = upstreams.has(host) ? host : new HostPatterns(upstreams.keys()).find(host);
  const settings = upstreams.get(key ?? "");
  if (!settings) throw new Error(`no upstream ${host} is configured`);
  return { settings, isLetIn: key !== host };
}
