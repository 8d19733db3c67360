import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Egress } from "./egress.ts";

export interface HostAddresses {
  addresses: string[];
  source: "dns" | "configured" | "literal";
}

/** What is known of a host without asking anybody: lower-case name or address → addresses. */
export function findKnownAddresses(
  hostname: string,
  { resolve }: Pick<Egress, "resolve">,
): HostAddresses | undefined {
  const configured = resolve.get(hostname);
  if (configured !== undefined) return { addresses: [configured], source: "configured" };
  return isIP(hostname) === 0 ? undefined : { addresses: [hostname], source: "literal" };
}

/** In the order to try them; throws the errors of node:dns. */
export async function resolveHost(
  hostname: string,
  egress: Pick<Egress, "resolve" | "family">,
): Promise<HostAddresses> {
  const known = findKnownAddresses(hostname, egress);
  if (known) return known;
  const found = await lookup(hostname, { all: true, family: egress.family ?? 0 });
  return { addresses: found.map(({ address }) => address), source: "dns" };
}
