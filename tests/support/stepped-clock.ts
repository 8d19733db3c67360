import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../src/clock.ts";

interface Sleeper {
  wakeAt: number;
  wake: () => void;
}

/** Longer sleeps wait for `advance`; shorter ones are only waits between the parts of one work. */
const shortMs = 1000;

/** Time that stands still but for `advance` and short sleeps, which take none of the real one. */
export class SteppedClock implements Clock {
  readonly #begunAt = Date.parse("2026-01-01T00:00:00Z");
  readonly #sleepers = new Set<Sleeper>();
  #passedMs = 0;

  now(): number {
    return Math.round(this.#begunAt + this.#passedMs);
  }

  monotonic(): number {
    return this.#passedMs;
  }

  /** How many wait for `advance`. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  advance(ms: number): void {
    this.#passedMs += ms;
    for (const sleeper of this.#sleepers) {
      if (sleeper.wakeAt > this.#passedMs) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (ms < shortMs) {
      this.#passedMs += ms;
      await nextTurn();
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    const sleeper = { wakeAt: this.#passedMs + ms, wake };
    this.#sleepers.add(sleeper);
    signal?.addEventListener("abort", wake);
    await promise;
    signal?.removeEventListener("abort", wake);
    this.#sleepers.delete(sleeper);
    signal?.throwIfAborted();
  }
}
