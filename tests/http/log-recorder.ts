import { EventEmitter, once } from "node:events";

type LogLine = Record<string, unknown>;

/** A log's destination that remembers what it got. */
export class LogRecorder {
  readonly lines: LogLine[] = [];
  readonly #arrivals = new EventEmitter();

  write(text: string): void {
    for (const line of text.trimEnd().split("\n")) this.lines.push(JSON.parse(line));
    this.#arrivals.emit("line");
  }

  /** The line of the first request that ended, once there is one. */
  async requestLine(): Promise<LogLine> {
    for (;;) {
      const line = this.lines.find(({ msg }) => msg === "request");
      if (line) return line;
      await once(this.#arrivals, "line");
    }
  }
}
