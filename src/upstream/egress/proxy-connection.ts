import type { Socket } from "node:net";
import type { Deadline } from "./deadline.ts";
import type { Egress } from "./egress.ts";
import { resolveHost } from "./host-addresses.ts";
import type { NetworkProxy } from "./network-proxy.ts";
import { connectTcp } from "./tcp-connection.ts";
import type { TlsLayer } from "./tls-layer.ts";

interface Means {
  egress: Pick<Egress, "resolve" | "family">;
  /** For a proxy that is spoken to by TLS. */
  tls: TlsLayer;
  deadline: Deadline;
}

/** To the proxy itself, which knows of no host yet. Throws UpstreamError that names it. */
export async function connectToProxy(
  proxy: NetworkProxy,
  { egress, tls, deadline }: Means,
): Promise<Socket> {
  const { addresses } = await deadline.run({
    stage: `proxy ${proxy.name}: DNS`,
    action: () => resolveHost(proxy.hostname.toLowerCase(), egress),
  });
  const socket = await deadline.run({
    stage: `proxy ${proxy.name}: TCP`,
    action: (signal) => connectTcp(addresses, proxy.port, signal),
  });
  if (proxy.protocol !== "https:") return socket;
  return deadline.run({
    stage: `proxy ${proxy.name}: TLS`,
    socket,
    action: () => tls.secure(socket, proxy),
  });
}
