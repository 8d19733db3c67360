import type { ByteBudget } from "./byte-budget.ts";
import { copyFromRun, freeRun, type Run } from "./run.ts";

/** A reader of the file. */
export interface Follower {
  /** Where it will read next, as far as one can tell. */
  readonly position: number;
}

/**
 * Of one download. A client that keeps up is some 100 KiB behind, one that pauses for a moment
 * more; who falls back further reads the file, which costs it a thread's wake-up a read.
 */
const maxBytes = 2 * 1024 * 1024;

/** Shorter runs are joined: many of them would be slow to look through. */
const minRunBytes = 256 * 1024;

/**
 * What was written last, for the readers close behind: the chunks as they came, kept only while
 * somebody is near enough to want them.
 */
export class FreshBytes {
  readonly #budget: ByteBudget;
  readonly #followers = new Set<Follower>();
  #runs: Run[] = [];
  #heldBytes = 0;

  /** `budget` is shared with other downloads. */
  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  join(follower: Follower): void {
    this.#followers.add(follower);
  }

  leave(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size === 0) this.drop();
  }

  /** Takes over a run that is in the file. */
  keep(run: Run): void {
    this.#dropPassed();
    const { start, end, chunks } = run;
    const bytes = end - start;
    if (!this.#isWanted(run) || !this.#makeRoom(bytes)) {
      freeRun(run);
      return;
    }
    this.#hold(bytes);
    const last = this.#runs.at(-1);
    if (last?.end === start && last.end - last.start < minRunBytes) {
      last.chunks.push(...chunks);
      last.end = end;
    } else {
      this.#runs.push({ start, end, chunks: [...chunks] });
    }
  }

  /** Fills the front of `buffer` with what is here from `position` on; 0: nothing. */
  copyTo(buffer: Uint8Array, position: number): number {
    let copied = 0;
    while (copied < buffer.length) {
      const at = position + copied;
      const run = this.#runs.findLast(({ start, end }) => start <= at && at < end);
      if (!run) break;
      copied += copyFromRun(run, buffer.subarray(copied), at);
    }
    return copied;
  }

  drop(): void {
    this.#hold(-this.#heldBytes);
    for (const run of this.#runs) freeRun(run);
    this.#runs = [];
  }

  #dropPassed(): void {
    const passed = this.#runs.filter((run) => !this.#isWanted(run));
    this.#runs = this.#runs.filter((run) => this.#isWanted(run));
    for (const run of passed) this.#free(run);
  }

  #makeRoom(bytes: number): boolean {
    while (this.#runs.length > 0 && this.#heldBytes + bytes > maxBytes) this.#dropOldest();
    return this.#budget.hasRoomFor(bytes);
  }

  #dropOldest(): void {
    const run = this.#runs.shift();
    if (run) this.#free(run);
  }

  #free(run: Run): void {
    this.#hold(run.start - run.end);
    freeRun(run);
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    this.#budget.hold(bytes);
  }

  #isWanted({ start, end }: Pick<Run, "start" | "end">): boolean {
    for (const { position } of this.#followers) {
      if (start - maxBytes <= position && position < end) return true;
    }
    return false;
  }
}
