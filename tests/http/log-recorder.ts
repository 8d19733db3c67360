import { EventEmitter, once } from "node:events";

type LogLine = Record<string, unknown>;

/** A destination for pino that remembers what it got. */
export class LogRecorder {
  readonly lines: LogLine[] = [];
  readonly #arrivals = new EventEmitter();

  write(text: string): void {
    const line: LogLine = JSON.parse(text);
    this.lines.push(line);
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
