import type { OutputStream } from "./output.ts";

interface OutputWatchOptions {
  stdout: OutputStream;
  stderr: OutputStream;
}

/**
 * What becomes of a command's output. That a reader has enough, as `head` does, is no failure;
 * that a disk is full is one. It listens for as long as the streams exist, as a pipe may complain
 * after the command has ended.
 */
export class OutputWatch {
  readonly #stderr: OutputStream;
  readonly #gone = new AbortController();
  #failed = false;

  constructor({ stdout, stderr }: OutputWatchOptions) {
    this.#stderr = stderr;
    stdout.on("error", (error: NodeJS.ErrnoException) => this.#note(error));
    stderr.on("error", () => undefined);
  }

  /** Aborted once nobody takes the output any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get failed(): boolean {
    return this.#failed;
  }

  #note(error: NodeJS.ErrnoException): void {
    if (error.code !== "EPIPE" && !this.#failed) {
      this.#failed = true;
      this.#stderr.write(`error: the output cannot be written: ${error.message}\n`);
    }
    this.#gone.abort();
  }
}
