import type { ByteRange } from "../../oci/byte-range.ts";

/** Which bytes of a blob are present: sorted, disjoint, non-adjacent half-open ranges. */
export class Extents {
  readonly #ranges: ByteRange[] = [];

  static of(ranges: Iterable<ByteRange>): Extents {
    const extents = new Extents();
    for (const range of ranges) extents.add(range);
    return extents;
  }

  add(range: ByteRange): void {
    if (range.end <= range.start) return;
    const from = this.#firstTouching(range.start);
    let { start, end } = range;
    let to = from;
    for (let next = this.#ranges[to]; next && next.start <= end; next = this.#ranges[++to]) {
      start = Math.min(start, next.start);
      end = Math.max(end, next.end);
    }
    this.#ranges.splice(from, to - from, { start, end });
  }

  /** Where the run of present bytes that holds `position` ends; `position` itself if it is absent. */
  presentUntil(position: number): number {
    const range = this.#ranges[this.#firstTouching(position)];
    return range && range.start <= position ? range.end : position;
  }

  /** Where the next present byte at or after `position` is; `undefined` when there is none. */
  nextPresent(position: number): number | undefined {
    const from = this.#firstTouching(position);
    for (const range of this.#ranges.slice(from, from + 2)) {
      if (range.end > position) return Math.max(range.start, position);
    }
    return undefined;
  }

  /** The first absent range at or after `position` within `[0, size)`. */
  firstGap(size: number, position = 0): ByteRange | undefined {
    const start = this.presentUntil(position);
    if (start >= size) return undefined;
    return { start, end: Math.min(this.nextPresent(start) ?? size, size) };
  }

  /** Bytes present. */
  get total(): number {
    return this.#ranges.reduce((sum, range) => sum + range.end - range.start, 0);
  }

  toArray(): ByteRange[] {
    return this.#ranges.map((range) => ({ ...range }));
  }

  /** Index of the first range that ends at or after `position`. */
  #firstTouching(position: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range && range.end < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
