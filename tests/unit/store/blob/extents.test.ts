import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import type { ByteRange } from "../../../../src/oci/byte-range.ts";
import { Extents } from "../../../../src/store/blob/extents.ts";

const size = 48;
const positions = fc.nat(size + 4);
/** Empty ones and such that run backwards included. */
const ranges = fc.array(fc.record({ start: fc.nat(size), end: fc.nat(size) }), { maxLength: 20 });

/** The same, so simple that it cannot be wrong: a flag for each byte. */
class Flags {
  readonly #present: boolean[];

  constructor(added: readonly ByteRange[]) {
    this.#present = Array.from({ length: size + 8 }, (_, position) =>
      added.some(({ start, end }) => start <= position && position < end),
    );
  }

  /** First position at or after `from` whose flag is `wanted`. */
  find(wanted: boolean, from: number): number | undefined {
    const found = this.#present.indexOf(wanted, from);
    return found === -1 ? undefined : found;
  }

  get total(): number {
    return this.#present.filter(Boolean).length;
  }

  toArray(): ByteRange[] {
    const found: ByteRange[] = [];
    let start = this.find(true, 0);
    while (start !== undefined) {
      const end = this.find(false, start) ?? this.#present.length;
      found.push({ start, end });
      start = this.find(true, end);
    }
    return found;
  }
}

describe("Extents", () => {
  test("holds exactly the bytes that were added, as sorted ranges with gaps between them", () => {
    fc.assert(
      fc.property(ranges, (added) => {
        const extents = new Extents();
        for (const [index, range] of added.entries()) {
          extents.add(range);
          const flags = new Flags(added.slice(0, index + 1));
          expect(extents.toArray()).toEqual(flags.toArray());
          expect(extents.total).toBe(flags.total);
        }
      }),
    );
  });

  test("does not depend on the order in which ranges came", () => {
    fc.assert(
      fc.property(ranges, (added) => {
        const backwards = Extents.of(added.toReversed());
        expect(backwards.toArray()).toEqual(Extents.of(added).toArray());
      }),
    );
  });

  test("comes back the same from its ranges", () => {
    fc.assert(
      fc.property(ranges, (added) => {
        const extents = Extents.of(added);
        expect(Extents.of(extents.toArray()).toArray()).toEqual(extents.toArray());
      }),
    );
  });

  test("says how far bytes are present without a break", () => {
    fc.assert(
      fc.property(ranges, positions, (added, position) => {
        const expected = new Flags(added).find(false, position);
        expect(Extents.of(added).presentUntil(position)).toBe(expected);
      }),
    );
  });

  test("finds the next present byte", () => {
    fc.assert(
      fc.property(ranges, positions, (added, position) => {
        const expected = new Flags(added).find(true, position);
        expect(Extents.of(added).nextPresent(position)).toBe(expected);
      }),
    );
  });

  test("finds the first gap within a size, which may be smaller than what is present", () => {
    fc.assert(
      fc.property(ranges, fc.nat(size), positions, (added, within, position) => {
        const flags = new Flags(added);
        const start = flags.find(false, position) ?? Infinity;
        const end = Math.min(flags.find(true, start) ?? within, within);
        const expected = start < within ? { start, end } : undefined;
        expect(Extents.of(added).firstGap(within, position)).toEqual(expected);
      }),
    );
  });

  test("is whole once its gaps are filled one by one", () => {
    fc.assert(
      fc.property(ranges, (added) => {
        const extents = Extents.of(added);
        for (let gap = extents.firstGap(size); gap; gap = extents.firstGap(size)) {
          expect(gap.end).toBeGreaterThan(gap.start);
          extents.add(gap);
        }
        expect(extents.toArray()).toEqual([{ start: 0, end: size }]);
      }),
    );
  });

  test("gives out ranges that are not its own", () => {
    const added = { start: 3, end: 5 };
    const extents = Extents.of([added]);
    for (const range of [added, ...extents.toArray()]) range.end = 40;
    expect(extents.toArray()).toEqual([{ start: 3, end: 5 }]);
  });

  test("joins ranges beyond 32 bits", () => {
    const start = 5 * 2 ** 40;
    const extents = Extents.of([
      { start: start + 10, end: start + 20 },
      { start, end: start + 10 },
    ]);
    expect(extents.toArray()).toEqual([{ start, end: start + 20 }]);
    expect(extents.presentUntil(start)).toBe(start + 20);
  });
});
