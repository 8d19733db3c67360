import { once } from "node:events";
import { isIP } from "node:net";
import { connect, type PeerCertificate } from "node:tls";
import { Dialer } from "../egress/dialer.ts";
import type { ProbeOptions } from "./probe-options.ts";

/**
 * Who issued the certificate that the endpoint, or whoever is in between, shows, whether that one is
 * trusted or not: after the handshake nothing is said. undefined: it cannot be told.
 */
export async function findIssuer(
  options: Pick<ProbeOptions, "endpoint" | "guard" | "connectTimeoutMs" | "signal">,
): Promise<string | undefined> {
  const { endpoint, connectTimeoutMs } = options;
  const { hostname, port } = new URL(endpoint.url);
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(connectTimeoutMs)]);
  try {
    const dialer = new Dialer({ ...options, egress: asIfPlain(endpoint.egress), ownHost: "" });
    const target = { protocol: "http:", hostname, port: Number(port || 443) } as const;
    const socket = await dialer.dial(target, "registry", { signal });
    const name = isIP(hostname.replace(/^\[(.*)\]$/, "$1")) === 0 ? { servername: hostname } : {};
    const secured = connect({ socket, ...name, rejectUnauthorized: false });
    secured.on("error", () => {});
    try {
      await once(secured, "secureConnect", { signal });
      return issuerOf(secured.getPeerCertificate());
    } finally {
      secured.destroy();
    }
  } catch {
    return undefined;
  }
}

type Egress = ProbeOptions["endpoint"]["egress"];

/** The way of https, with nothing spoken on it yet. */
function asIfPlain(egress: Egress): Egress {
  const { https } = egress.proxies.registry;
  return { ...egress, proxies: { ...egress.proxies, registry: { http: https, https } } };
}

function issuerOf({ issuer }: Partial<PeerCertificate>): string | undefined {
  const names = [issuer?.O, issuer?.CN].flat().filter((name) => name !== undefined);
  return names.length === 0 ? undefined : names.join(", ");
}
