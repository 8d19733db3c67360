import { toPrintable } from "./format-table.ts";
import type { OutputStream } from "./output.ts";

const defaultColumns = 80;

/** One line that changes in place, on terminals; elsewhere nothing. */
export class StatusLine implements Disposable {
  readonly #stream: OutputStream;
  #isShown = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  show(text: string): void {
    if (this.#stream.isTTY !== true) return;
    // A line that wraps could not be taken back.
    const width = (this.#stream.columns ?? defaultColumns) - 1;
    this.#stream.write(`\r${toPrintable(text).slice(0, width)}\u001B[K`);
    this.#isShown = true;
  }

  clear(): void {
    if (this.#isShown) this.#stream.write("\r\u001B[K");
    this.#isShown = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}
