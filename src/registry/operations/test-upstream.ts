import { RegistryError } from "../../oci/errors.ts";
import { HostPatterns, isHostPattern } from "../../oci/host-patterns.ts";
import { parsePullName, type PullName } from "../../oci/pull-name.ts";
import { canonicalHost, isRegistryHost, withoutPort } from "../../oci/registry-host.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import { notMirrored } from "../route-refusal.ts";
import type { CallOptions, Operations, ProbeReport, ProbeStep } from "./operations.ts";
import { findTarget, type ProbeTarget } from "./test-upstream-target.ts";

interface ProbeCall {
  /** One that is configured, or that a pattern lets in. */
  host: string;
  /** undefined: nothing is known to be there. */
  target: ProbeTarget | undefined;
  onStep: (step: ProbeStep) => void;
  signal: AbortSignal;
}

/** Tries every endpoint of an upstream, with its own connections, and counts nowhere. */
export type ProbeUpstream = (
  call: ProbeCall,
) => Promise<{ trust: "full" | "content"; steps: ProbeStep[] }[]>;

export interface TestUpstreamOptions {
  /** Canonical hosts and patterns, as configured. */
  configured: readonly string[];
  inventory: Pick<InventoryStore, "listRepositories" | "summarizeTags">;
  probe: ProbeUpstream;
}

interface Wanted {
  host: string;
  name?: PullName;
}

type UpstreamReport = ProbeReport["upstreams"][number];

/**
 * One upstream after the other, as what one takes of the network would slow down the next. Throws
 * RegistryError for a name that is none, and NAME_UNKNOWN for one of a registry that is not mirrored.
 */
export function createTestUpstream(options: TestUpstreamOptions): Operations["testUpstream"] {
  return async ({ name }, call) => {
    const { configured } = options;
    const wanted =
      name === undefined
        ? configured.filter((key) => !isHostPattern(key)).map((host) => ({ host }))
        : [findWanted(name, configured)];
    const upstreams: UpstreamReport[] = [];
    for (const each of wanted) upstreams.push(await testOne(each, options, call));
    return { upstreams };
  };
}

/** A host, or what would be pulled. */
function findWanted(text: string, configured: readonly string[]): Wanted {
  if (isHostPattern(text)) {
    const message = `${text} is a pattern; name a host that it lets in, or something to pull from there`;
    throw new RegistryError("NAME_INVALID", message);
  }
  const patterns = new HostPatterns(configured);
  const isMirrored = (host: string) => configured.includes(host) || patterns.find(host);
  const asHost = canonicalHost(text);
  if (isMirrored(asHost)) return { host: asHost };
  const isHost = isRegistryHost(text) && withoutPort(text).includes(".");
  const name = isHost ? undefined : parsePullName(text);
  const host = name?.registry ?? asHost;
  if (isMirrored(host)) return { host, ...(name && { name }) };
  throw notMirrored(host);
}

async function testOne(
  { host, name }: Wanted,
  { inventory, probe }: TestUpstreamOptions,
  { signal, onEvent }: CallOptions<ProbeStep>,
): Promise<UpstreamReport> {
  const target: ProbeTarget | undefined = name
    ? { repository: name.name, reference: name.reference, isAsked: true }
    : await findTarget(host, inventory, signal);
  const endpoints = await probe({ host, target, onStep: onEvent, signal });
  const steps = endpoints.flatMap((endpoint) => endpoint.steps);
  return { host, ok: endpoints.some(isWell), steps };
}

/** Only by those can it be told what a tag is. */
function isWell({ trust, steps }: { trust: "full" | "content"; steps: ProbeStep[] }): boolean {
  return trust === "full" && steps.every(({ outcome }) => outcome !== "failed");
}
