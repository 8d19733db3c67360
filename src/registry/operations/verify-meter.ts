import type { Clock } from "../../clock.ts";
import type { DamagedEntry, VerifyProgress } from "./operations.ts";

const shortestMs = 100;

/** Tells how far a verification is: at once of damage, and otherwise no more often than people read. */
export class VerifyMeter {
  readonly #total: VerifyProgress["total"];
  readonly #clock: Clock;
  readonly #onEvent: (progress: VerifyProgress) => void;
  readonly #done = { blobs: 0, bytes: 0 };
  #toldAt = -Infinity;
  /** Of the blob that is being read. */
  #bytesRead = 0;

  constructor(options: {
    total: VerifyProgress["total"];
    clock: Clock;
    onEvent: (progress: VerifyProgress) => void;
  }) {
    this.#total = options.total;
    this.#clock = options.clock;
    this.#onEvent = options.onEvent;
  }

  noteRead(bytes: number): void {
    this.#bytesRead += bytes;
    if (this.#clock.monotonic() - this.#toldAt >= shortestMs) this.tell();
  }

  noteBlob(size: number): void {
    this.#bytesRead = 0;
    this.#done.blobs += 1;
    this.#done.bytes += size;
    this.noteRead(0);
  }

  tell(damaged?: DamagedEntry): void {
    this.#toldAt = this.#clock.monotonic();
    const { blobs } = this.#done;
    const bytes = this.#done.bytes + this.#bytesRead;
    const total = {
      blobs: Math.max(this.#total.blobs, blobs),
      bytes: Math.max(this.#total.bytes, bytes),
    };
    this.#onEvent({ done: { blobs, bytes }, total, ...(damaged && { damaged }) });
  }
}
