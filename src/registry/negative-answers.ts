import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";

const maxRemembered = 10_000;

/** What upstream said it does not have, for a short while, so that repeated questions cost nothing. */
export class NegativeAnswers {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #until = new LRUCache<string, number>({ max: maxRemembered });

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
