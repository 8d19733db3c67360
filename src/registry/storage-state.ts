import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { StorageError } from "../store/blob/blob-store.ts";

/** After a failed write the disk is left alone for so long. */
const pauseMs = 5_000;

/** A disk that is nearly full takes small blobs and refuses large ones: that is one trouble. */
const quietMs = 60_000;

/** Whether the storage takes blobs; tells the log when that changes. */
export class StorageState {
  readonly #clock: Clock;
  readonly #log: Logger;
  #failure: { error: StorageError; at: number; isMended: boolean } | undefined;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Why it does not, until it has done again for a while. */
  get failure(): StorageError | undefined {
    return this.#failure?.error;
  }

  /** It failed just now: no use in trying again yet. */
  get isPaused(): boolean {
    const failure = this.#failure;
    return failure !== undefined && !failure.isMended && this.#msSince(failure.at) < pauseMs;
  }

  noteFailure(error: StorageError): void {
    if (!this.#failure) {
      this.#log.error({ err: error }, "storage takes no blobs; they are passed through uncached");
    }
    this.#failure = { error, at: this.#clock.monotonic(), isMended: false };
  }

  /** Something was done about it: the next blob may try. */
  noteMended(): void {
    if (this.#failure) this.#failure.isMended = true;
  }

  noteSuccess(): void {
    if (!this.#failure || this.#msSince(this.#failure.at) < quietMs) return;
    this.#failure = undefined;
    this.#log.info("storage takes blobs again");
  }

  #msSince(moment: number): number {
    return this.#clock.monotonic() - moment;
  }
}
