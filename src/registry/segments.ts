import type { ByteRange } from "../oci/byte-range.ts";
import { Extents } from "../store/blob/extents.ts";

/** A run of bytes that one upstream body is bringing. */
export interface Segment {
  readonly start: number;
  /** The next byte to come. */
  position: number;
  /** Where it ends; moves back when another segment takes over the rest. */
  limit: number;
}

/** A reader this far ahead of a segment does not wait for it. */
const jumpBytes = 8 * 1024 * 1024;
const maxSegments = 4;

/** Who fetches what of one blob, so that no byte is fetched twice. */
export class Segments {
  readonly #active = new Set<Segment>();
  readonly #present: Extents;

  constructor(present: Extents) {
    this.#present = present;
  }

  open(range: ByteRange): Segment {
    const segment = { start: range.start, position: range.start, limit: range.end };
    this.#active.add(segment);
    return segment;
  }

  close(segment: Segment): void {
    this.#active.delete(segment);
  }

  /** The first bytes that are neither present nor on their way. */
  firstUnclaimed(size: number): ByteRange | undefined {
    const claimed = Extents.of(this.#present.toArray());
    for (const segment of this.#active) claimed.add({ start: segment.start, end: segment.limit });
    return claimed.firstGap(size);
  }

  /**
   * A segment for a reader that waits at `position`, if it would wait long and there is room for
   * one more; the segment that was to bring those bytes later then ends where this one begins.
   */
  jumpTo(position: number, size: number): Segment | undefined {
    const isPresent = this.#present.presentUntil(position) > position;
    if (isPresent || this.#active.size >= maxSegments || this.#isNear(position)) return undefined;
    let limit = this.#present.nextPresent(position) ?? size;
    for (const segment of this.#active) {
      if (segment.start > position) limit = Math.min(limit, segment.start);
      else if (segment.limit > position) segment.limit = Math.max(segment.position, position);
    }
    return this.open({ start: position, end: limit });
  }

  /** Soon to come; behind a segment's position are bytes that wait to be written. */
  #isNear(position: number): boolean {
    for (const { start, position: next, limit } of this.#active) {
      if (start <= position && position < limit && position - next < jumpBytes) return true;
    }
    return false;
  }
}
