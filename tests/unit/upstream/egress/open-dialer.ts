import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  Dialer,
  type DialerOptions,
  type DialEvent,
} from "../../../../src/upstream/egress/dialer.ts";
import {
  directEgress,
  type Egress,
  type ProxyChoice,
} from "../../../../src/upstream/egress/egress.ts";
import { listenOnLoopback } from "../../../support/network-proxy.ts";
import {
  clientCertificate,
  commonName,
  readCertificate,
  registryCertificate,
} from "../../../support/tls/certificates.ts";

export const never = new AbortController().signal;

export function egressWith(changes: Partial<Egress>): Egress {
  return { ...directEgress, ...changes };
}

/** The same proxy for all purposes and schemes. */
export function proxiesOf(url: string): Egress["proxies"] {
  const choice: ProxyChoice = { http: url, https: url };
  return { registry: choice, token: choice, content: choice };
}

export function openDialer(
  egress: Partial<Egress> = {},
  options: Partial<DialerOptions> = {},
): Dialer {
  return new Dialer({
    egress: egressWith(egress),
    ownHost: "registry.test",
    guard: undefined,
    connectTimeoutMs: 5000,
    ...options,
  });
}

/** Asks by a bare HTTP/1.1 request over a socket that was dialled; the socket is used up. */
export async function askOver(socket: Socket, path = "/"): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nhost: registry.test\r\nconnection: close\r\n\r\n`);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** What a dial told on its way. */
export async function eventsOf(
  dialer: Dialer,
  url: string,
  purpose: "registry" | "token" | "content" = "registry",
): Promise<DialEvent[]> {
  const events: DialEvent[] = [];
  const options = { signal: never, onEvent: (event: DialEvent) => void events.push(event) };
  const socket = await dialer.dial(targetOf(url), purpose, options);
  socket.destroy();
  return events;
}

export function targetOf(text: string) {
  const { protocol, hostname, port } = new URL(text);
  if (protocol === "https:") return { protocol, hostname, port: Number(port || 443) } as const;
  return { protocol: "http:", hostname, port: Number(port || 80) } as const;
}

/** An https server for registry.test that says who asked. */
export class TlsTarget implements AsyncDisposable {
  /** Server names that clients asked for, in their order. */
  readonly serverNames: (string | false)[] = [];
  /** Subjects of client certificates; undefined: none was shown. */
  readonly clients: (string | undefined)[] = [];
  readonly resumed: boolean[] = [];
  readonly #server: Server;
  port = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("secureConnection", (socket: TLSSocket) => {
      this.serverNames.push(socket.servername ?? false);
      this.resumed.push(socket.isSessionReused());
      this.clients.push(commonName(socket));
    });
  }

  static async start(files = registryCertificate): Promise<TlsTarget> {
    const identity = await readCertificate(files);
    const server = createServer(
      { ...identity, requestCert: true, rejectUnauthorized: false },
      (request, response) => response.end(`over TLS: ${request.url}`),
    );
    const target = new TlsTarget(server);
    target.port = await listenOnLoopback(server);
    return target;
  }

  /** https://127.0.0.1:port */
  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

export async function readClientIdentity(): Promise<{ certificate: string; key: string }> {
  const { cert, key } = await readCertificate(clientCertificate);
  return { certificate: cert, key };
}
