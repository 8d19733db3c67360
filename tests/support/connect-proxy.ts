import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import {
  listenOnLoopback,
  ProxyTraffic,
  withCredentials,
  type NetworkProxyOptions,
} from "./network-proxy.ts";
import { commonName, readCertificate, registryCertificate } from "./tls/certificates.ts";

interface ConnectProxyOptions extends NetworkProxyOptions {
  /** It is spoken to by TLS itself, with a certificate of the test authority. */
  tls?: boolean;
}

const statuses = { forbidden: 403, unknown: 502, refused: 502 };

/** An HTTP proxy on 127.0.0.1 that knows nothing but CONNECT and resolves names by a table. */
export class ConnectProxy implements AsyncDisposable {
  readonly traffic: ProxyTraffic;
  /** Requests that were no CONNECT. */
  plainRequests = 0;
  /** Of each TLS connection the client certificate's subject; undefined: none was shown. */
  readonly clients: (string | undefined)[] = [];
  readonly #server: Server;
  readonly #scheme: string;
  #port = 0;

  private constructor(options: NetworkProxyOptions, server: Server, scheme: string) {
    this.traffic = new ProxyTraffic(options);
    this.#server = server;
    this.#scheme = scheme;
  }

  static async start({ tls = false, ...options }: ConnectProxyOptions): Promise<ConnectProxy> {
    const identity = await readCertificate(registryCertificate);
    const server = tls
      ? createTlsServer({ ...identity, requestCert: true, rejectUnauthorized: false })
      : createServer();
    const proxy = new ConnectProxy(options, server, tls ? "https" : "http");
    server.on("connection", (socket: Duplex) => proxy.traffic.noteConnection(socket));
    server.on("secureConnection", (socket: TLSSocket) => {
      proxy.clients.push(commonName(socket));
    });
    server.on("connect", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      proxy.traffic.keep(socket);
      if (head.length > 0) socket.unshift(head);
      proxy.#serve(request, socket).catch(() => socket.destroy());
    });
    server.on("request", (_, response) => {
      proxy.plainRequests += 1;
      response.writeHead(405).end();
    });
    proxy.#port = await listenOnLoopback(server);
    return proxy;
  }

  /** http://127.0.0.1:port, or https:// */
  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.#port}`;
  }

  urlAs(username: string, password: string): string {
    return withCredentials(this.url, username, password);
  }

  async #serve(request: IncomingMessage, socket: Duplex): Promise<void> {
    if (this.traffic.stalls) {
      this.traffic.stall(socket);
      return;
    }
    if (this.traffic.wantsCredentials && !this.#isKnown(request)) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n");
      return;
    }
    const { hostname, port } = new URL(`tunnel://${request.url}`);
    const remote = await this.traffic.open(hostname, Number(port));
    if (typeof remote === "string") {
      socket.end(`HTTP/1.1 ${statuses[remote]} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    this.traffic.join(socket, remote);
  }

  #isKnown({ headers }: IncomingMessage): boolean {
    const [, encoded = ""] = (headers["proxy-authorization"] ?? "").split("Basic ");
    const [username = "", ...password] = Buffer.from(encoded, "base64").toString().split(":");
    return this.traffic.accepts(username, password.join(":"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.traffic.close(this.#server);
  }
}
