import type { ServerResponse } from "node:http";

/** Where a response's body goes out, for as long as there is a client to take it. */
export class BodyOutlet {
  readonly #response: ServerResponse;
  readonly #onSent: (count: number) => void;
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  /** `onSent` is told how many bytes the socket has taken. */
  constructor(response: ServerResponse, onSent: (count: number) => void) {
    this.#response = response;
    this.#onSent = onSent;
  }

  get isOpen(): boolean {
    return !this.#isClosed && !this.#response.destroyed;
  }

  /** Resolves when `bytes` may be used for something else, or the outlet is closed. */
  write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (!this.isOpen) return Promise.resolve();
    this.#waiting.add(resolve);
    this.#response.write(bytes, (error) => {
      this.#waiting.delete(resolve);
      if (!error) this.#onSent(bytes.length);
      resolve();
    });
    return promise;
  }

  /** The socket has taken bytes in another way. */
  noteSent(count: number): void {
    this.#onSent(count);
  }

  /** The client has gone. Node forgets the callbacks of some writes then, so they are called here. */
  close(): void {
    this.#isClosed = true;
    for (const resolve of this.#waiting) resolve();
  }
}
