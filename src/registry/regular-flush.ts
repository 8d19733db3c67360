import type { Clock } from "../clock.ts";

const everyMs = 10_000;

/** Calls `flush` from time to time, and once more when it is disposed of. */
export class RegularFlush implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #flush: () => Promise<void>;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor({ clock, flush }: { clock: Clock; flush: () => Promise<void> }) {
    this.#clock = clock;
    this.#flush = flush;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#flush();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#clock.sleep(everyMs, signal).catch(() => undefined);
      await this.#flush();
    }
  }
}
