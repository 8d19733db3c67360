import { tryApi } from "./probe-api.ts";
import { probeConnection } from "./probe-connection.ts";
import { probeContent } from "./probe-content.ts";
import type { FoundContent, ProbeOptions } from "./probe-options.ts";
import { probeAccounts, type EndpointProbe } from "./probe-token.ts";
import { ProbeTrail, type ProbeFinding } from "./probe-trail.ts";
import { Transport } from "../transport.ts";

export interface ProbedEndpoint {
  url: string;
  trust: "full" | "content";
  findings: ProbeFinding[];
}

/** All endpoints of an upstream, each with what is tried with it. */
export interface UpstreamProbe extends Omit<ProbeOptions, "endpoint" | "known" | "onStep"> {
  endpoints: readonly ProbeOptions["endpoint"][];
  onStep: (endpoint: string, finding: ProbeFinding) => void;
}

/** Those with full trust come first: the others are asked by digest, which these tell. */
export async function probeUpstream(probe: UpstreamProbe): Promise<ProbedEndpoint[]> {
  const { endpoints } = probe;
  const full = endpoints.filter(({ trust }) => trust === "full");
  const content = endpoints.filter(({ trust }) => trust === "content");
  const probed: ProbedEndpoint[] = [];
  let known: FoundContent | undefined;
  for (const endpoint of [...full, ...content]) {
    const { url, trust } = endpoint;
    const findings: ProbeFinding[] = [];
    const onStep = (finding: ProbeFinding) => {
      findings.push(finding);
      probe.onStep(url, finding);
    };
    const isFull = trust === "full";
    const found = await probeEndpoint({
      ...probe,
      endpoint,
      known: isFull ? undefined : known,
      onStep,
    });
    if (isFull) known ??= found;
    probed.push({ url, trust, findings });
  }
  return probed;
}

/**
 * Takes every step of a pull over connections of its own, and tells what came of each, once or more
 * often, in their order. Nothing of it counts where the mirror itself works with the endpoint. Each
 * request has its time, so that all of it ends. What was found; undefined: nothing. Throws the
 * signal's reason.
 */
async function probeEndpoint(options: ProbeOptions): Promise<FoundContent | undefined> {
  const { endpoint, connectTimeoutMs, responseTimeoutMs } = options;
  // A redirect, or a token, takes another connection and answer.
  const timeoutMs = 2 * (connectTimeoutMs + responseTimeoutMs);
  const trail = new ProbeTrail({ ...options, timeoutMs });
  const base = new URL(endpoint.url);
  const { egress } = endpoint;
  await using transport = new Transport({
    ...options,
    egress,
    ownHost: base.hostname,
    onAttempt: () => {},
  });
  const found = await takeSteps({ options, base, transport, trail });
  trail.skipRest("a step before it was not taken");
  return found;
}

async function takeSteps(probe: EndpointProbe): Promise<FoundContent | undefined> {
  const { options, trail } = probe;
  if (!(await probeConnection(options, trail))) return undefined;
  const { trust } = options.endpoint;
  const api = await trail.run("api", (signal) => tryApi({ ...probe, signal }, trust));
  const entrance = api && (await probeAccounts(api, probe));
  return entrance && probeContent(entrance, probe);
}
