import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { send } from "./e2e-http.ts";
import type { Journal, JournalEntry } from "./fake-registry-journal.ts";

const ASKED = ["accept", "range"];
const ANSWERED = [
  "accept-ranges",
  "content-length",
  "content-range",
  "content-type",
  "docker-content-digest",
  "link",
];

interface Gate {
  readonly afterBytes: number;
  readonly opened: Promise<void>;
  readonly open: () => void;
}

/** Passes requests on to the registry that holds the content, and writes down what it sends. */
export class Origin {
  readonly #url: string;
  readonly #journal: Journal;
  #gate: Gate | undefined;
  #bytesPerSecond = Infinity;

  constructor(url: string, journal: Journal) {
    this.#url = url;
    this.#journal = journal;
  }

  /** From now on, every body comes so slowly, until `release`. */
  slowDownTo(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** From now on, every body stops short of so many bytes, until `release`. */
  holdAfter(afterBytes: number): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = { afterBytes, opened: promise, open: resolve };
  }

  release(): void {
    this.#gate?.open();
    this.#gate = undefined;
    this.#bytesPerSecond = Infinity;
  }

  async forward(
    path: string,
    req: IncomingMessage,
    res: ServerResponse,
    entry: JournalEntry,
  ): Promise<void> {
    const answer = await send(`${this.#url}${path}`, entry.method, pick(req.headers, ASKED));
    entry.status = answer.statusCode ?? 502;
    res.writeHead(entry.status, pick(answer.headers, ANSWERED));
    this.#journal.changed();
    await pipeline(answer, (body) => this.#metered(body as AsyncIterable<Buffer>, entry), res);
  }

  async *#metered(body: AsyncIterable<Buffer>, entry: JournalEntry): AsyncGenerator<Buffer> {
    for await (const chunk of body) {
      const pauseMs = (1000 * chunk.length) / this.#bytesPerSecond;
      if (pauseMs > 0) await delay(pauseMs);
      const gate = this.#gate;
      if (gate && entry.bytesSent + chunk.length > gate.afterBytes) await gate.opened;
      entry.bytesSent += chunk.length;
      this.#journal.changed();
      yield chunk;
    }
  }
}

function pick(
  headers: IncomingMessage["headers"],
  names: readonly string[],
): Record<string, string> {
  const pairs = names.map((name) => [name, headers[name]] as const);
  return Object.fromEntries(
    pairs.filter((pair): pair is [string, string] => typeof pair[1] === "string"),
  );
}
