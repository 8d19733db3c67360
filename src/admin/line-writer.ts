import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { WireMessage } from "./control-wire.ts";

/** One that lets so much pile up does not read any more. */
const maxBacklogBytes = 16 * 1024 * 1024;

/** Messages on their way out, one a line. */
export class LineWriter {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Breaks the connection off when the reader has stopped to read. */
  write(message: WireMessage): void {
    if (this.#response.destroyed) return;
    this.#response.write(`${JSON.stringify(message)}\n`);
    if (this.#response.writableLength > maxBacklogBytes) this.#response.destroy();
  }

  /** Resolves once the reader has taken most of it, or has gone. */
  async caughtUp(signal: AbortSignal): Promise<void> {
    const response = this.#response;
    if (!response.writableNeedDrain || response.destroyed) return;
    await once(response, "drain", { signal });
  }

  end(message: WireMessage): void {
    if (!this.#response.destroyed) this.#response.end(`${JSON.stringify(message)}\n`);
  }
}
