import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * A server's connections, and on which of them responses are under way. Node's own notion of an
 * idle connection takes one whose response was ended, but not sent, for idle.
 */
export class Connections {
  /** Responses under way, by connection. */
  readonly #running = new Map<Socket, Set<ServerResponse>>();
  #isEnding = false;

  constructor(server: Server) {
    server.on("connection", (socket) => {
      this.#running.set(socket, new Set());
      socket.once("close", () => this.#running.delete(socket));
    });
  }

  /** To be told of each response that is still under way when its handler returns. */
  add(socket: Socket, response: ServerResponse): void {
    this.#running.get(socket)?.add(response);
    response.once("close", () => this.#finish(socket, response));
  }

  isBusy(socket: Socket): boolean {
    return (this.#running.get(socket)?.size ?? 0) > 0;
  }

  /** Ends the connections without a response under way, and from now on each one that becomes so. */
  endIdle(): void {
    this.#isEnding = true;
    for (const [socket, responses] of this.#running) {
      if (responses.size === 0) socket.destroySoon();
    }
  }

  destroyAll(): void {
    for (const socket of this.#running.keys()) socket.destroy();
  }

  #finish(socket: Socket, response: ServerResponse): void {
    const responses = this.#running.get(socket);
    responses?.delete(response);
    if (this.#isEnding && responses?.size === 0) socket.destroySoon();
  }
}
