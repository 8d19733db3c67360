import type { Socket } from "node:net";
import { SocksClient } from "socks";
import type { NetworkProxy } from "./network-proxy.ts";

interface TunnelRequest {
  /** Connected to the proxy. */
  socket: Socket;
  proxy: NetworkProxy;
  /** For the proxy to resolve; an IPv6 address without brackets. */
  host: string;
  port: number;
  timeoutMs: number;
}

/** https://www.rfc-editor.org/rfc/rfc1928#section-5: one byte of length. */
const maxNameBytes = 255;

/**
 * Asks a SOCKS5 proxy for a way through, after which the socket leads to the host. Throws Error
 * that names neither the proxy nor its credentials. https://www.rfc-editor.org/rfc/rfc1928
 */
export async function openSocksTunnel(wish: TunnelRequest): Promise<void> {
  const { host, port, proxy, socket } = wish;
  // Out of the reach of any catch, the client would throw.
  if (Buffer.byteLength(host) > maxNameBytes) throw new Error("the host's name is too long");
  const { username = "", password = "" } = proxy.credentials ?? {};
  await SocksClient.createConnection({
    command: "connect",
    destination: { host, port },
    proxy: { host: proxy.hostname, port: proxy.port, type: 5, userId: username, password },
    existing_socket: socket,
    timeout: wish.timeoutMs,
  }).catch((error: unknown) => {
    // Not as the cause: it holds the password.
    throw new Error(meaning(Error.isError(error) ? error.message : "", wish));
  });
}

const meanings: readonly [pattern: RegExp, words: string][] = [
  [/no accepted authentication/, "it wants credentials"],
  [/Authentication failed/, "it refused the credentials"],
  [/NotAllowed/, "it does not let through"],
  [/HostUnreachable/, "it does not find the host, or no way to it"],
  [/NetworkUnreachable/, "it has no way to the network"],
  [/ConnectionRefused/, "the connection was refused there"],
  [/TTLExpired/, "it got no answer"],
  [/rejected connection/, "it failed to connect"],
  [/Socket closed|ECONNRESET/, "it cut the connection"],
  [/socks version|handshake/, "what it answered is not SOCKS5"],
];

function meaning(message: string, { host, port, proxy }: TunnelRequest): string {
  const words = meanings.find(([pattern]) => pattern.test(message))?.[1] ?? "it failed";
  const asked = words === "it wants credentials" && proxy.credentials ? "it wants others" : words;
  return `SOCKS to ${host}:${port}: ${asked}`;
}
