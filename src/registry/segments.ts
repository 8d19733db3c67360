import type { ByteRange } from "../oci/byte-range.ts";
import { Extents } from "../store/blob/extents.ts";

/** A run of bytes that one upstream body is bringing. */
export interface Segment {
  readonly start: number;
  /** What was asked for ends here. */
  readonly end: number;
  /** The next byte to come. */
  position: number;
  /** Where it ends; moves back when another segment takes over the rest. */
  limit: number;
}

/** A reader this far ahead of a segment does not wait for it. */
const jumpBytes = 8 * 1024 * 1024;
const maxJumps = 3;

/** Who fetches what of one blob, so that no byte is fetched twice. */
export class Segments {
  readonly #active = new Set<Segment>();
  /** Those of the active ones that were begun for a reader. */
  readonly #jumps = new Set<Segment>();
  readonly #present: Extents;

  constructor(present: Extents) {
    this.#present = present;
  }

  open(range: ByteRange): Segment {
    const { start, end } = range;
    const segment = { start, end, position: start, limit: end };
    this.#active.add(segment);
    return segment;
  }

  close(segment: Segment): void {
    this.#active.delete(segment);
    this.#jumps.delete(segment);
  }

  /** The first bytes from `position` on that are neither present nor on their way. */
  firstUnclaimed(size: number, position = 0): ByteRange | undefined {
    const claimed = Extents.of(this.#present.toArray());
    for (const segment of this.#active) claimed.add({ start: segment.start, end: segment.limit });
    return claimed.firstGap(size, position);
  }

  /**
   * The first bytes that nobody brings, `maxBytes` of them, or half as many more to the end. Where there are none, the segment
   * with most before it is cut down to `maxBytes`, if that leaves as many for the new one.
   */
  openPiece(size: number, maxBytes: number): Segment | undefined {
    const range = this.firstUnclaimed(size) ?? this.#cutLongest(maxBytes);
    if (range && range.end - range.start < 1.5 * maxBytes) return this.open(range);
    return (
      range && this.open({ start: range.start, end: Math.min(range.end, range.start + maxBytes) })
    );
  }

  /** Bytes that nobody brings go back to the segment that was to bring them when it was opened. */
  rejoin(size: number): void {
    for (const segment of this.#active) {
      const gap = this.firstUnclaimed(size, segment.limit);
      if (gap?.start === segment.limit) segment.limit = Math.min(segment.end, gap.end);
    }
  }

  /**
   * A segment for a reader that waits at `position`, if it would wait long and there is room for
   * one more; the segment that was to bring those bytes later then ends where this one begins.
   */
  jumpTo(position: number, size: number): Segment | undefined {
    const isPresent = this.#present.presentUntil(position) > position;
    if (isPresent || this.#jumps.size >= maxJumps || this.#isNear(position)) return undefined;
    let limit = this.#present.nextPresent(position) ?? size;
    for (const segment of this.#active) {
      if (segment.start > position) limit = Math.min(limit, segment.start);
      else if (segment.limit > position) segment.limit = Math.max(segment.position, position);
    }
    const jump = this.open({ start: position, end: limit });
    this.#jumps.add(jump);
    return jump;
  }

  /** Soon to come; behind a segment's position are bytes that wait to be written. */
  #isNear(position: number): boolean {
    for (const { start, position: next, limit } of this.#active) {
      if (start <= position && position < limit && position - next < jumpBytes) return true;
    }
    return false;
  }

  /** What it does not bring any more. */
  #cutLongest(keptBytes: number): ByteRange | undefined {
    let longest: Segment | undefined;
    for (const segment of this.#active) {
      if (!longest || leftOf(segment) > leftOf(longest)) longest = segment;
    }
    if (!longest || leftOf(longest) < 2 * keptBytes) return undefined;
    const { limit } = longest;
    longest.limit = longest.position + keptBytes;
    return { start: longest.limit, end: limit };
  }
}

function leftOf({ position, limit }: Segment): number {
  return limit - position;
}
