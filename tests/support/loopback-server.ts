import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";

/** An HTTP server on 127.0.0.1 that can go away and come back on the same port. */
export class LoopbackServer implements AsyncDisposable {
  readonly #listener: RequestListener;
  #server: Server | undefined;
  #port = 0;

  constructor(listener: RequestListener) {
    this.#listener = listener;
  }

  static async start(listener: RequestListener): Promise<LoopbackServer> {
    const server = new LoopbackServer(listener);
    await server.start();
    return server;
  }

  /** http://127.0.0.1:port */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    if (this.#server) return;
    const server = createServer({ keepAliveTimeout: 60_000 }, this.#listener);
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address === "object" && address) this.#port = address.port;
  }

  /** Ends all connections at once; from then on the port refuses them. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
