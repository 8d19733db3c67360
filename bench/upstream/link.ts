import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface LinkOptions {
  roundTripMs: number;
  /** Of each connection; Infinity: as fast as it goes. */
  bytesPerSecond: number;
}

/** The way between upstream and a client: each connection has a speed, each question takes time. */
export class Link {
  readonly #options: LinkOptions;
  /** When each connection may send again; one that is not here is new. */
  readonly #freeAt = new WeakMap<Socket, number>();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get isLimited(): boolean {
    return this.#options.bytesPerSecond !== Infinity;
  }

  /** Before an answer: one round trip, and another one where the connection had to be made. */
  async travel(socket: Socket): Promise<void> {
    const { roundTripMs } = this.#options;
    const isNew = !this.#freeAt.has(socket);
    if (isNew) this.#freeAt.set(socket, 0);
    if (roundTripMs > 0) await delay(isNew ? 2 * roundTripMs : roundTripMs);
  }

  /** Before these bytes. */
  async take(socket: Socket, bytes: number): Promise<void> {
    if (!this.isLimited) return;
    const now = performance.now();
    const startsAt = Math.max(now, this.#freeAt.get(socket) ?? 0);
    this.#freeAt.set(socket, startsAt + (bytes / this.#options.bytesPerSecond) * 1000);
    if (startsAt > now) await delay(startsAt - now);
  }
}
