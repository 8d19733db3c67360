import { request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import type { NetworkProxy } from "./network-proxy.ts";

interface TunnelRequest {
  /** Connected to the proxy. */
  socket: Socket;
  proxy: NetworkProxy;
  /** For the proxy to resolve; an IPv6 address without brackets. */
  host: string;
  port: number;
}

/**
 * Asks an HTTP proxy for a way through, after which the socket leads to the host. Throws Error that
 * names neither the proxy nor its credentials. https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
 */
export async function openConnectTunnel(wish: TunnelRequest): Promise<void> {
  const { socket, proxy } = wish;
  const authority = `${wish.host.includes(":") ? `[${wish.host}]` : wish.host}:${wish.port}`;
  const answer = Promise.withResolvers<number | undefined>();
  httpRequest({
    method: "CONNECT",
    path: authority,
    headers: { host: authority, ...proxyAuthorization(proxy) },
    createConnection: () => socket,
  })
    .once("connect", ({ statusCode }, _, head) => {
      if (head.length > 0) socket.unshift(head);
      answer.resolve(statusCode);
    })
    .once("error", (error) => answer.reject(withoutPacket(error)))
    .end();
  const status = await answer.promise;
  if (status === undefined || status < 200 || status > 299) {
    throw new Error(`answered CONNECT with status ${status}: ${meaning(status, wish)}`);
  }
}

function proxyAuthorization({ credentials }: NetworkProxy): Record<string, string> {
  if (!credentials) return {};
  const pair = Buffer.from(`${credentials.username}:${credentials.password}`);
  return { "proxy-authorization": `Basic ${pair.toString("base64")}` };
}

function meaning(status: number | undefined, { proxy, host, port }: TunnelRequest): string {
  if (status === 407) {
    return proxy.credentials ? "it refused the credentials" : "it wants credentials";
  }
  if (status === 502 || status === 503 || status === 504) {
    return `it does not get through to ${host}:${port}`;
  }
  return `it does not let through to ${host}:${port}`;
}

/** The parser's errors hold what came, and logs whatever errors hold. */
function withoutPacket(error: Error): Error {
  const code = "code" in error ? String(error.code) : "";
  if (!code.startsWith("HPE_")) return error;
  return new Error(`what it answered to CONNECT is not HTTP (${code})`);
}
