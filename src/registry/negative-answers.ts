import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";

/** Not `max`, for which the room is taken at once: each of many registries has its own. */
const bounds = { maxSize: 10_000, sizeCalculation: () => 1 };

/** What upstream said it does not have, for a short while, so that repeated questions cost nothing. */
export class NegativeAnswers {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #until = new LRUCache<string, number>(bounds);

  constructor(options: { clock: Clock; ttlMs: number }) {
    this.#clock = options.clock;
    this.#ttlMs = options.ttlMs;
  }

  add(key: string): void {
    this.#until.set(key, this.#clock.monotonic() + this.#ttlMs);
  }

  has(key: string): boolean {
    return this.#clock.monotonic() < (this.#until.get(key) ?? 0);
  }
}
