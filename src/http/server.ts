import { once } from "node:events";
import { Server, STATUS_CODES, type RequestListener } from "node:http";
import type { Socket } from "node:net";
import { Connections } from "./connections.ts";
import { isSent } from "./is-sent.ts";

interface ListenOptions {
  listener: RequestListener;
  host: string;
  /** 0: any free one. */
  port: number;
  /** How long a client may take to send a request. */
  headersTimeoutMs: number;
  /** How long nothing may move on a connection that is being used. */
  idleTimeoutMs: number;
}

/** Connections wait this long for their next request: clients pause between an image's layers. */
const keepAliveTimeoutMs = 75_000;

/** Whose idle connections are ended by those who know which ones are. */
class PatientServer extends Server {
  override closeIdleConnections(): void {
    // Node takes one whose response was ended, but is not out, for idle.
  }
}

/** A listener's lifetime: what connections may do to us, and how they end. */
export class RegistryServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #closed = Promise.withResolvers<void>();

  private constructor(server: Server, listener: RequestListener) {
    this.#server = server;
    this.#connections = new Connections(server);
    server.on("request", (request, response) => {
      listener(request, response);
      if (!isSent(response)) this.#connections.add(request.socket, response);
    });
    server.once("close", () => this.#closed.resolve());
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) =>
      this.#refuse(error, socket),
    );
  }

  /** Rejects when the address cannot be had. */
  static async listen(options: ListenOptions): Promise<RegistryServer> {
    const { listener, host, port, headersTimeoutMs, idleTimeoutMs } = options;
    const server = new PatientServer({
      headersTimeout: headersTimeoutMs,
      requestTimeout: headersTimeoutMs,
      connectionsCheckingInterval: Math.min(headersTimeoutMs, 5000),
      keepAliveTimeout: keepAliveTimeoutMs,
      // 30 instead of 38 µs for a whole request: no stream events for bodies that are not there.
      optimizeEmptyRequests: true,
    });
    server.setTimeout(idleTimeoutMs);
    const registryServer = new RegistryServer(server, listener);
    server.listen(port, host);
    await once(server, "listening");
    return registryServer;
  }

  get address(): { host: string; port: number } {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("server does not listen");
    return { host: address.address, port: address.port };
  }

  /** Takes no more connections, waits for running responses, and cuts off what runs after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#connections.endIdle();
    this.#server.close();
    const deadline = setTimeout(() => this.#connections.destroyAll(), timeoutMs);
    await this.#closed.promise;
    clearTimeout(deadline);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }

  /** Answers what is not HTTP; on a connection with a response under way that would garble it. */
  #refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    if (!socket.writable || this.#connections.isBusy(socket)) {
      socket.destroy();
      return;
    }
    const status = refusalStatus(error.code);
    const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}`;
    socket.end(`${head}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    socket.destroySoon();
  }
}

function refusalStatus(code: string | undefined): number {
  if (code === "HPE_HEADER_OVERFLOW") return 431;
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
}
