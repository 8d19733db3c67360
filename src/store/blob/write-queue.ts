import type { FileHandle } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ByteBudget } from "./byte-budget.ts";
import type { StorageError } from "./blob-store.ts";
import { toStorageError } from "./disk-errors.ts";
import { writeFully } from "./disk-file.ts";
import type { Run } from "./run.ts";
import { WakeUp } from "./wake-up.ts";

const maxRunBytes = 1024 * 1024;

/** Of one download: one run on its way to disk, the next one being gathered. */
const maxQueuedBytes = 2 * 1024 * 1024;

/** Where all downloads together have too much. */
const maxQueuedBytesInNeed = 256 * 1024;

/**
 * Writes at offsets, one call at a time: what arrives meanwhile is gathered into runs, so that a
 * fast network costs few system calls and a slow one no delay (measured against one awaited
 * write per network chunk: 605 against 474 MB/s). A run waits for the end of the event loop's turn,
 * in which a fast network brings some 500 KiB; but the very first chunk goes at once and alone, as
 * readers wait for it, and what else comes would be ahead of them in the loop.
 */
export class WriteQueue {
  readonly #file: FileHandle;
  readonly #budget: ByteBudget;
  readonly #onWritten: (run: Run) => void;
  readonly #onFailed: (error: StorageError) => void;
  readonly #runs: Run[] = [];
  readonly #progress = new WakeUp();
  #queuedBytes = 0;
  #hasWritten = false;
  #draining: Promise<void> | undefined;
  #failure: StorageError | undefined;

  /** `budget` is shared with other downloads. */
  constructor(options: {
    file: FileHandle;
    budget: ByteBudget;
    onWritten: (run: Run) => void;
    onFailed: (error: StorageError) => void;
  }) {
    this.#file = options.file;
    this.#budget = options.budget;
    this.#onWritten = options.onWritten;
    this.#onFailed = options.onFailed;
  }

  /**
   * undefined: there is room for more. Otherwise resolves when there is; rejects with StorageError
   * once a write has failed.
   */
  push(offset: number, chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#enqueue(offset, chunk);
    this.#draining ??= this.#drain();
    return this.#isFull ? this.#waitForRoom() : undefined;
  }

  /** Resolves when nothing waits to be written. Throws StorageError once a write has failed. */
  async flush(): Promise<void> {
    await this.#draining;
    this.#throwFailure();
  }

  /** What all have queued sinks as each of them writes, so none waits for another one. */
  get #isFull(): boolean {
    if (!this.#hasWritten) return this.#queuedBytes > 0;
    return this.#queuedBytes > (this.#budget.isExceeded ? maxQueuedBytesInNeed : maxQueuedBytes);
  }

  async #waitForRoom(): Promise<void> {
    while (this.#isFull) {
      await this.#progress.next();
      this.#throwFailure();
    }
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure;
  }

  #enqueue(offset: number, chunk: Uint8Array): void {
    this.#hold(chunk.length);
    const end = offset + chunk.length;
    const run = this.#runs.findLast((each) => each.end === offset);
    if (run && run.end - run.start < maxRunBytes) {
      run.chunks.push(chunk);
      run.end = end;
    } else {
      this.#runs.push({ start: offset, end, chunks: [chunk] });
    }
  }

  #hold(bytes: number): void {
    this.#queuedBytes += bytes;
    this.#budget.hold(bytes);
  }

  async #drain(): Promise<void> {
    try {
      if (this.#hasWritten) await nextTurn();
      for (let run = this.#runs.shift(); run; run = this.#runs.shift()) {
        await writeFully(this.#file, run);
        this.#hasWritten = true;
        this.#hold(run.start - run.end);
        this.#onWritten(run);
        this.#progress.wake();
      }
    } catch (error) {
      this.#failure = toStorageError(error, "writing a partial blob");
      this.#runs.length = 0;
      this.#hold(-this.#queuedBytes);
      this.#onFailed(this.#failure);
    } finally {
      this.#draining = undefined;
      this.#progress.wake();
    }
  }
}
