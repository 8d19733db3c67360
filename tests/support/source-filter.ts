import { connect, createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { listenOnLoopback } from "./network-proxy.ts";
import {
  authorityFile,
  commonName,
  readCertificate,
  registryCertificate,
} from "./tls/certificates.ts";

interface SourceFilterOptions {
  /** URL of the server behind. */
  target: string;
  /** The only address it lets in; all unless given. */
  from?: string;
  /** It is spoken to by TLS: with this certificate, and to those alone that show one where it wants one. */
  tls?: { files?: typeof registryCertificate; wantsCertificate?: boolean };
}

/** Passes connections on to a server where they come from the right address, and cuts all others. */
export class SourceFilter implements AsyncDisposable {
  /** Connections that came from elsewhere. */
  refused = 0;
  /** Names of the clients' certificates; undefined: none was shown. */
  readonly clients: (string | undefined)[] = [];
  readonly #options: SourceFilterOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(options: SourceFilterOptions, server: Server) {
    this.#options = options;
    this.#server = server;
  }

  static async start(options: SourceFilterOptions): Promise<SourceFilter> {
    const { tls } = options;
    const server = tls ? await openTlsServer(tls) : createServer();
    const filter = new SourceFilter(options, server);
    server.on("connection", (socket: Socket) => filter.#check(socket));
    server.on(tls ? "secureConnection" : "connection", (socket: Socket) => filter.#pass(socket));
    if (tls) server.on("secureConnection", (socket: TLSSocket) => filter.#noteClient(socket));
    filter.#port = await listenOnLoopback(server);
    return filter;
  }

  get port(): number {
    return this.#port;
  }

  /** http://127.0.0.1:port, or https:// */
  get url(): string {
    return `${this.#options.tls ? "https" : "http"}://127.0.0.1:${this.#port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #check(socket: Socket): void {
    this.#keep(socket);
    const { from = socket.remoteAddress } = this.#options;
    if (socket.remoteAddress === from) return;
    this.refused += 1;
    socket.resetAndDestroy();
  }

  #pass(socket: Socket): void {
    if (socket.destroyed) return;
    const { hostname, port } = new URL(this.#options.target);
    const behind = connect(Number(port), hostname);
    this.#keep(behind);
    pipeline(socket, behind, socket).catch(() => undefined);
  }

  #noteClient(socket: TLSSocket): void {
    this.clients.push(commonName(socket));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
  }
}

async function openTlsServer({
  files = registryCertificate,
  wantsCertificate = false,
}: NonNullable<SourceFilterOptions["tls"]>): Promise<Server> {
  const [identity, ca] = await Promise.all([readCertificate(files), readFile(authorityFile)]);
  return createTlsServer({ ...identity, ca, requestCert: wantsCertificate });
}
