import type { DestinationStream } from "pino";

/** Characters of lines that wait at most. */
const maxWaiting = 64 * 1024;

/**
 * One output for lines that must be out at once, and for lines of which there are many. Those are
 * written together at the end of the event loop's turn, or ahead of the next line that is urgent,
 * so that all lines come out in their order: a write of its own takes longer than to make a line.
 */
export class BatchedOutput {
  /** Written when its `write` returns, as far as the output's own is. */
  readonly urgent: DestinationStream;
  /** Written in this turn of the event loop. */
  readonly patient: DestinationStream;
  readonly #output: DestinationStream;
  #waiting = "";

  constructor(output: DestinationStream) {
    this.#output = output;
    this.urgent = {
      write: (line) => {
        this.flush();
        output.write(line);
      },
    };
    this.patient = { write: (line) => this.#add(line) };
  }

  /** Writes what waits: for the end of a process, which comes in the middle of a turn. */
  flush(): void {
    if (this.#waiting === "") return;
    const lines = this.#waiting;
    this.#waiting = "";
    this.#output.write(lines);
  }

  #add(line: string): void {
    if (this.#waiting === "") setImmediate(() => this.flush());
    this.#waiting += line;
    if (this.#waiting.length >= maxWaiting) this.flush();
  }
}
