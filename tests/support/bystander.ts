import { once } from "node:events";
import { createServer } from "node:net";

/** Somebody in the mirror's own network who is not to be reached; counts who comes. */
export class Bystander implements AsyncDisposable {
  /** Connections that were made to it. */
  visits = 0;
  readonly #server = createServer((socket) => {
    this.visits += 1;
    socket.destroy();
  });

  static async start(address: string): Promise<Bystander> {
    const bystander = new Bystander();
    bystander.#server.listen(0, address);
    await once(bystander.#server, "listening");
    return bystander;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("nobody listens");
    return address.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, "close");
  }
}
