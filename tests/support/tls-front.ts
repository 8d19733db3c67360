import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { createServer, type Server } from "node:tls";
import { fileURLToPath } from "node:url";

/** The certificate for localhost that fronts show; it is its own authority. */
export const certificateFile = fileURLToPath(new URL("tls/certificate.pem", import.meta.url));
const keyFile = fileURLToPath(new URL("tls/key.pem", import.meta.url));

/** Takes https connections and passes what they say on to a plain server. */
export class TlsFront implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(target: string): Promise<TlsFront> {
    const [key, cert] = await Promise.all([readFile(keyFile), readFile(certificateFile)]);
    const front = new TlsFront(createServer({ key, cert }));
    const { hostname, port } = new URL(target);
    front.#server.on("secureConnection", (socket) => {
      const plain = connect(Number(port), hostname);
      front.#sockets.add(socket).add(plain);
      pipeline(socket, plain, socket).catch(() => undefined);
    });
    front.#server.listen(0, "127.0.0.1");
    await once(front.#server, "listening");
    return front;
  }

  /** https://localhost:port */
  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("front does not listen");
    return `https://localhost:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
