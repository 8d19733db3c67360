import { LRUCache } from "lru-cache";

/**
 * Values by two keys each, the least recently used ones forgotten. One text made of both would have
 * to be hashed at each look: that is 1 instead of 0.1 µs.
 */
export class PairCache<First extends string, Second, Value> {
  readonly #maxPerFirst: number;
  readonly #values: LRUCache<First, Map<Second, Value>>;

  /** How many values at most. They are forgotten all at once that have the same first key. */
  constructor(max: number) {
    this.#maxPerFirst = Math.ceil(max / 4);
    this.#values = new LRUCache({ maxSize: max, sizeCalculation: ({ size }) => size });
  }

  get(first: First, second: Second): Value | undefined {
    return this.#values.get(first)?.get(second);
  }

  set(first: First, second: Second, value: Value): void {
    const known = this.#values.get(first);
    const values = known && known.size < this.#maxPerFirst ? known : new Map<Second, Value>();
    values.set(second, value);
    // Its size is read only of what is new.
    this.#values.delete(first);
    this.#values.set(first, values);
  }

  delete(first: First, second: Second): void {
    this.#values.get(first)?.delete(second);
  }
}
