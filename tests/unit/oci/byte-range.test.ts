import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import {
  formatContentRange,
  parseContentRange,
  selectRanges,
  type ByteRange,
} from "../../../src/oci/byte-range.ts";

describe("selectRanges", () => {
  test.each([undefined, "", "pages=1-2", "0-5", "bytes 0-5"])("%p asks for all", (header) => {
    expect(selectRanges(header, 10)).toEqual({ kind: "whole" });
  });

  test.each([
    ["bytes=0-0", [{ start: 0, end: 1 }]],
    ["bytes=3-", [{ start: 3, end: 10 }]],
    ["bytes=3-10", [{ start: 3, end: 10 }]],
    ["bytes=-4", [{ start: 6, end: 10 }]],
    ["bytes=-99", [{ start: 0, end: 10 }]],
    [
      " Bytes = 1-2 , 4-5 ",
      [
        { start: 1, end: 3 },
        { start: 4, end: 6 },
      ],
    ],
    ["bytes=50-60,1-1", [{ start: 1, end: 2 }]],
    ["bytes=0-99999999999999999999", [{ start: 0, end: 10 }]],
  ])("%s of ten bytes", (header, ranges) => {
    expect(selectRanges(header, 10)).toEqual({ kind: "ranges", ranges });
  });

  test.each([
    "bytes=10-",
    "bytes=5-4",
    "bytes=",
    "bytes=a-b",
    "bytes=-",
    "bytes=-0",
    "bytes=1-2,x",
  ])("%s of ten bytes cannot be met", (header) => {
    expect(selectRanges(header, 10)).toEqual({ kind: "unsatisfiable" });
  });

  test("no range of nothing can be met", () => {
    expect(selectRanges("bytes=0-", 0)).toEqual({ kind: "unsatisfiable" });
    expect(selectRanges("bytes=-5", 0)).toEqual({ kind: "unsatisfiable" });
  });

  test("ranges that ask for everything many times over get it once", () => {
    expect(selectRanges("bytes=0-,0-,0-", 10)).toEqual({ kind: "whole" });
  });

  const position = fc.nat({ max: 40 });
  const spec = fc.oneof(
    fc.tuple(position, position).map(([start, last]) => `${start}-${start + last}`),
    position.map((start) => `${start}-`),
    position.map((count) => `-${count}`),
  );

  test("selects, for each range, the bytes that it describes", () => {
    fc.assert(
      fc.property(fc.nat({ max: 30 }), spec, (size, text) => {
        const selection = selectRanges(`bytes=${text}`, size);
        const selected = selection.kind === "ranges" ? selection.ranges.flatMap(positions) : [];
        expect(selected).toEqual(describedPositions(text, size));
        expect(selection.kind).toBe(selected.length > 0 ? "ranges" : "unsatisfiable");
      }),
    );
  });

  test("never selects what is outside of the content, nor more than twice of it", () => {
    const header = fc.array(fc.oneof(spec, fc.string({ maxLength: 5 })), { maxLength: 6 });
    fc.assert(
      fc.property(fc.nat({ max: 30 }), header, (size, parts) => {
        const selection = selectRanges(`bytes=${parts.join(",")}`, size);
        const selected = selection.kind === "ranges" ? selection.ranges.flatMap(positions) : [];
        expect(selected.every((at) => at >= 0 && at < size)).toBe(true);
        expect(selected.length).toBeLessThanOrEqual(2 * size);
      }),
    );
  });
});

describe("Content-Range", () => {
  test("is read as it was written", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1 }), fc.nat(), (start, length, rest) => {
        const end = start + length;
        const header = formatContentRange({ start, end }, end + rest);
        expect(parseContentRange(header)).toEqual({ start, end, size: end + rest });
      }),
    );
  });

  test("may leave the size open", () => {
    expect(parseContentRange("bytes 0-9/*")).toEqual({ start: 0, end: 10, size: undefined });
  });

  test.each([
    undefined,
    "",
    "bytes */10",
    "bytes 5-4/10",
    "bytes 0-10/10",
    "bytes 0-9",
    "pages 0-9/10",
    "bytes 0-99999999999999999999/*",
  ])("%p is not understood", (header) => {
    expect(parseContentRange(header)).toBeUndefined();
  });
});

function positions({ start, end }: ByteRange): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}

/** Byte by byte, straight from the words of RFC 9110, 14.1.2. */
function describedPositions(text: string, size: number): number[] {
  const [first = "", last = ""] = text.split("-");
  const isWithin = (at: number) =>
    first === ""
      ? at >= size - Number(last)
      : at >= Number(first) && (last === "" || at <= Number(last));
  return positions({ start: 0, end: size }).filter(isWithin);
}
