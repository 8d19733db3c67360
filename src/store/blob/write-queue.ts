import type { FileHandle } from "node:fs/promises";
import type { ByteRange } from "../../oci/byte-range.ts";
import type { StorageError } from "./blob-store.ts";
import { toStorageError } from "./disk-errors.ts";
import { writeFully } from "./disk-file.ts";
import { WakeUp } from "./wake-up.ts";

/** Neighbouring chunks that go to disk in one call. */
interface Run extends ByteRange {
  chunks: Uint8Array[];
}

const maxRunBytes = 1024 * 1024;
const maxQueuedBytes = 4 * 1024 * 1024;

/**
 * Writes at offsets, one call at a time: what arrives meanwhile is gathered into runs, so that a
 * fast network costs few system calls and a slow one no delay (measured against one awaited
 * write per network chunk: 605 against 474 MB/s).
 */
export class WriteQueue {
  readonly #file: FileHandle;
  readonly #onWritten: (range: ByteRange) => void;
  readonly #onFailed: (error: StorageError) => void;
  readonly #runs: Run[] = [];
  readonly #progress = new WakeUp();
  #queuedBytes = 0;
  #draining: Promise<void> | undefined;
  #failure: StorageError | undefined;

  constructor(options: {
    file: FileHandle;
    onWritten: (range: ByteRange) => void;
    onFailed: (error: StorageError) => void;
  }) {
    this.#file = options.file;
    this.#onWritten = options.onWritten;
    this.#onFailed = options.onFailed;
  }

  /** Resolves when there is room for more. Throws StorageError once a write has failed. */
  async push(offset: number, chunk: Uint8Array): Promise<void> {
    this.#throwFailure();
    this.#enqueue(offset, chunk);
    this.#draining ??= this.#drain();
    while (this.#queuedBytes > maxQueuedBytes) {
      await this.#progress.next();
      this.#throwFailure();
    }
  }

  /** Resolves when nothing waits to be written. Throws StorageError once a write has failed. */
  async flush(): Promise<void> {
    await this.#draining;
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure;
  }

  #enqueue(offset: number, chunk: Uint8Array): void {
    this.#queuedBytes += chunk.length;
    const last = this.#runs.at(-1);
    if (last && last.end === offset && last.end - last.start < maxRunBytes) {
      last.chunks.push(chunk);
      last.end += chunk.length;
    } else {
      this.#runs.push({ start: offset, end: offset + chunk.length, chunks: [chunk] });
    }
  }

  async #drain(): Promise<void> {
    try {
      for (let run = this.#runs.shift(); run; run = this.#runs.shift()) {
        await writeFully(this.#file, run.chunks, run.start);
        this.#queuedBytes -= run.end - run.start;
        this.#onWritten(run);
        this.#progress.wake();
      }
    } catch (error) {
      this.#failure = toStorageError(error, "writing a partial blob");
      this.#runs.length = 0;
      this.#onFailed(this.#failure);
    } finally {
      this.#draining = undefined;
      this.#progress.wake();
    }
  }
}
