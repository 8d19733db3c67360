import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A connection that sends what a well-behaved client would not, and stops reading when told. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly #chunks: Buffer[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    // A reset is one of the ends that tests wait for.
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Sends a GET without more headers than needed, and `headers`. */
  get(path: string, ...headers: string[]): void {
    this.socket.write([`GET ${path} HTTP/1.1`, "Host: a", ...headers, "", ""].join("\r\n"));
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  async receivedText(text: string): Promise<void> {
    while (!this.received.includes(text)) await once(this.socket, "data");
  }

  async receivedBytes(count: number): Promise<void> {
    while (this.received.length < count) await once(this.socket, "data");
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
