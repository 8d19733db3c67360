import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { Segments, type Segment } from "../../../src/registry/segments.ts";
import { Extents } from "../../../src/store/blob/extents.ts";

const mib = 1024 * 1024;
const size = 100 * mib;

describe("Segments", () => {
  test("leaves a reader that is not far ahead to the segment that is coming", () => {
    const segments = new Segments(new Extents());
    segments.open({ start: 0, end: size });
    expect(segments.jumpTo(7 * mib, size)).toBeUndefined();
  });

  test("begins a segment for a reader far ahead, and ends the coming one there", () => {
    const segments = new Segments(new Extents());
    const coming = segments.open({ start: 0, end: size });
    const jump = segments.jumpTo(50 * mib, size);
    expect(jump).toMatchObject({ start: 50 * mib, position: 50 * mib, limit: size });
    expect(coming.limit).toBe(50 * mib);
  });

  test("ends a jump where bytes are present or on their way", () => {
    const segments = new Segments(Extents.of([{ start: 80 * mib, end: 90 * mib }]));
    segments.open({ start: 0, end: 80 * mib });
    expect(segments.jumpTo(60 * mib, size)?.limit).toBe(80 * mib);
    expect(segments.jumpTo(40 * mib, size)?.limit).toBe(60 * mib);
  });

  test("does not jump to bytes that are present", () => {
    const segments = new Segments(Extents.of([{ start: 50 * mib, end: size }]));
    segments.open({ start: 0, end: 50 * mib });
    expect(segments.jumpTo(60 * mib, size)).toBeUndefined();
  });

  test("never has more than four at once", () => {
    const segments = new Segments(new Extents());
    segments.open({ start: 0, end: size });
    const jumps = [20, 40, 60, 80].map((at) => segments.jumpTo(at * mib, size));
    expect(jumps.filter((jump) => jump !== undefined)).toHaveLength(3);
  });

  test("has room for readers beside pieces", () => {
    const segments = new Segments(new Extents());
    segments.open({ start: 0, end: size });
    for (let count = 0; count < 8; count += 1) segments.openPiece(size, 8 * mib);
    expect(segments.jumpTo(90 * mib, size)?.limit).toBe(size);
  });

  test("takes pieces off the segment that has most before it, from its front on", () => {
    const segments = new Segments(new Extents());
    const coming = segments.open({ start: 0, end: size });
    coming.position = 10 * mib;
    expect(segments.openPiece(size, 20 * mib)).toMatchObject({ start: 30 * mib, limit: 50 * mib });
    expect(coming.limit).toBe(30 * mib);
    expect(segments.openPiece(size, 20 * mib)).toMatchObject({ start: 50 * mib, limit: 70 * mib });
    expect(segments.openPiece(size, 20 * mib)).toMatchObject({ start: 70 * mib, limit: 90 * mib });
    expect(segments.openPiece(size, 20 * mib)).toMatchObject({ start: 90 * mib, limit: size });
    expect(segments.openPiece(size, 20 * mib)).toBeUndefined();
  });

  test("gives back what nobody brings to the segment it was taken off", () => {
    const segments = new Segments(new Extents());
    const coming = segments.open({ start: 0, end: size });
    const first = segments.openPiece(size, 20 * mib);
    const second = segments.openPiece(size, 20 * mib);
    if (!first || !second) throw new Error("there is enough for two");
    segments.close(first);
    segments.rejoin(size);
    expect([coming.limit, second.limit]).toEqual([40 * mib, 60 * mib]);
    segments.close(second);
    segments.rejoin(size);
    expect(coming.limit).toBe(size);
  });

  test("takes holes first, whole if they are small", () => {
    const present = Extents.of([
      { start: 0, end: 10 * mib },
      { start: 14 * mib, end: 20 * mib },
    ]);
    const segments = new Segments(present);
    expect(segments.openPiece(size, 8 * mib)).toMatchObject({ start: 10 * mib, limit: 14 * mib });
    expect(segments.openPiece(size, 8 * mib)).toMatchObject({ start: 20 * mib, limit: 28 * mib });
  });

  test("however readers jump, pieces are taken and segments end, every byte is claimed once and the rest stays to be fetched", () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant("jump" as const), at: fc.nat(99) }),
        fc.record({ kind: fc.constant("piece" as const), of: fc.integer({ min: 1, max: 40 }) }),
        fc.record({ kind: fc.constant("advance" as const), which: fc.nat(4), by: fc.nat(30) }),
        fc.record({ kind: fc.constant("fail" as const), which: fc.nat(4) }),
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, (taken) => {
        const present = new Extents();
        const segments = new Segments(present);
        const active: Segment[] = [segments.open({ start: 0, end: size })];
        for (const step of taken) {
          if (step.kind === "jump") {
            const jump = segments.jumpTo(step.at * mib, size);
            if (jump) active.push(jump);
          } else if (step.kind === "piece") {
            const piece = segments.openPiece(size, step.of * mib);
            if (piece) active.push(piece);
          } else {
            const [segment] = active.splice(step.which % Math.max(1, active.length), 1);
            if (!segment) continue;
            const by = step.kind === "advance" ? step.by * mib : 0;
            const end = Math.min(segment.limit, segment.position + by);
            present.add({ start: segment.position, end });
            segment.position = end;
            if (step.kind === "fail" || end === segment.limit) segments.close(segment);
            else active.push(segment);
          }
          expectDisjoint(active);
        }
        for (const segment of active) segments.close(segment);
        for (let gap = segments.firstUnclaimed(size); gap; gap = segments.firstUnclaimed(size)) {
          present.add(gap);
        }
        expect(present.total).toBe(size);
      }),
    );
  });
});

function expectDisjoint(active: readonly Segment[]): void {
  const pending = active
    .filter(({ position, limit }) => position < limit)
    .toSorted((a, b) => a.position - b.position);
  for (const [index, segment] of pending.entries()) {
    const next = pending[index + 1];
    if (next) expect(segment.limit).toBeLessThanOrEqual(next.position);
  }
}
