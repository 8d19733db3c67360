import { availableParallelism } from "node:os";
import { DigestThread } from "./digest-thread.ts";

/** The rest is for network and disk. */
function defaultCount(): number {
  return Math.min(4, Math.max(1, Math.floor(availableParallelism() / 2)));
}

interface Seat {
  readonly thread: DigestThread;
  files: number;
}

/** One file's place at a thread. */
export interface DigestPlace {
  readonly thread: DigestThread;
  /** Tells the file from others of that thread. */
  readonly file: number;
  /** To be called once. */
  leave(): void;
}

/** Threads that hash, begun when they are needed. One that died is replaced. */
export class DigestThreads implements AsyncDisposable {
  readonly #maxThreads: number;
  readonly #seats = new Set<Seat>();
  #lastFile = 0;
  #isDisposed = false;

  constructor(maxThreads = defaultCount()) {
    this.#maxThreads = maxThreads;
  }

  /** At the thread with the fewest files. Throws once it was disposed of. */
  enter(): DigestPlace {
    if (this.#isDisposed) throw new Error("the store is closed");
    const seat = this.#choose();
    seat.files += 1;
    this.#lastFile += 1;
    const leave = () => {
      seat.files -= 1;
    };
    return { thread: seat.thread, file: this.#lastFile, leave };
  }

  /** Resolves when all threads are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await Promise.all([...this.#seats].map(({ thread }) => thread[Symbol.asyncDispose]()));
  }

  #choose(): Seat {
    const [first] = [...this.#seats].toSorted((a, b) => a.files - b.files);
    if (first && (first.files === 0 || this.#seats.size >= this.#maxThreads)) return first;
    const thread = new DigestThread(() => this.#seats.delete(seat));
    const seat: Seat = { thread, files: 0 };
    this.#seats.add(seat);
    return seat;
  }
}
