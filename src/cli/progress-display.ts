import { createLogUpdate } from "log-update";
import type { Clock } from "../clock.ts";
import type { PrefetchProgress } from "../registry/operations/operations.ts";
import type { OutputStream } from "./output.ts";
import { formatEvent, formatLive } from "./progress-lines.ts";
import { Progress } from "./progress.ts";

const redrawEveryMs = 100;
const defaultColumns = 80;

interface ProgressDisplayOptions {
  stream: OutputStream;
  clock: Clock;
}

/**
 * Shows how a prefetch goes: on a terminal by lines that change in place, elsewhere by a line for
 * whatever begins or ends. Disposing of it leaves the terminal as for the next line.
 */
export class ProgressDisplay implements AsyncDisposable {
  readonly #stream: OutputStream;
  readonly #clock: Clock;
  readonly #progress = new Progress();
  readonly #update: ReturnType<typeof createLogUpdate> | undefined;
  readonly #stop = new AbortController();
  readonly #drawing: Promise<void>;
  #isChanged = false;

  constructor({ stream, clock }: ProgressDisplayOptions) {
    this.#stream = stream;
    this.#clock = clock;
    this.#update = stream.isTTY === true ? createLogUpdate(stream) : undefined;
    this.#drawing = this.#update ? this.#drawRegularly() : Promise.resolve();
  }

  note(event: PrefetchProgress): void {
    const name = this.#progress.note(event, this.#clock.monotonic());
    this.#isChanged = true;
    const line = formatEvent(event, name);
    if (line === undefined) return;
    if (!this.#update) this.#stream.write(`${line}\n`);
    else if (event.kind === "name" && event.state !== "resolving") this.#update.persist(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#drawing;
    this.#update?.clear();
    this.#update?.done();
  }

  async #drawRegularly(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (this.#isChanged) this.#draw();
      await this.#clock.sleep(redrawEveryMs, signal).catch(() => undefined);
    }
  }

  /** Not in the last column, where some terminals begin a new line. */
  #draw(): void {
    const width = (this.#stream.columns ?? defaultColumns) - 1;
    const lines = formatLive(this.#progress, { width, now: this.#clock.monotonic() });
    this.#isChanged = lines.length > 0;
    this.#update?.(lines.join("\n"));
  }
}
