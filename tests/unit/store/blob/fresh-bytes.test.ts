import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { ByteBudget } from "../../../../src/store/blob/byte-budget.ts";
import { FreshBytes } from "../../../../src/store/blob/fresh-bytes.ts";
import type { Run } from "../../../../src/store/blob/run.ts";
import { pseudoRandomBytes } from "../../../support/images.ts";

const kib = 1024;
const mib = 1024 * kib;
const content = pseudoRandomBytes(8 * mib, "fresh");

function runOf(start: number, end: number, chunkBytes = 64 * kib): Run {
  const chunks: Uint8Array[] = [];
  for (let at = start; at < end; at += chunkBytes) {
    chunks.push(content.subarray(at, Math.min(at + chunkBytes, end)));
  }
  return { start, end, chunks };
}

function copied(fresh: FreshBytes, position: number, length = 256 * kib): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, fresh.copyTo(buffer, position));
}

describe("the bytes written last", () => {
  test("fill a reader's buffer across chunks and runs", () => {
    const fresh = new FreshBytes(new ByteBudget(16 * mib));
    fresh.join({ position: 0 });
    fresh.keep(runOf(0, 300 * kib));
    fresh.keep(runOf(300 * kib, 700 * kib));
    const middle = content.subarray(100_001, 100_001 + 256 * kib);
    expect(copied(fresh, 100_001).equals(middle)).toBe(true);
    const last = content.subarray(650 * kib, 700 * kib);
    expect(copied(fresh, 650 * kib).equals(last)).toBe(true);
    expect(copied(fresh, 700 * kib)).toHaveLength(0);
  });

  test("are not kept for nobody, nor for a reader that is elsewhere or has passed", () => {
    const fresh = new FreshBytes(new ByteBudget(16 * mib));
    fresh.keep(runOf(0, mib));
    const behind = { position: 0 };
    fresh.join(behind);
    expect(copied(fresh, 0)).toHaveLength(0);
    fresh.keep(runOf(4 * mib, 5 * mib));
    expect(copied(fresh, 4 * mib)).toHaveLength(0);
    behind.position = mib;
    fresh.keep(runOf(0, mib));
    expect(copied(fresh, 0)).toHaveLength(0);
  });

  test("are dropped once all readers have passed or left, and when the download ends", () => {
    const fresh = new FreshBytes(new ByteBudget(16 * mib));
    const reader = { position: 0 };
    const slower = { position: 0 };
    fresh.join(reader);
    fresh.join(slower);
    fresh.keep(runOf(0, mib));
    reader.position = mib;
    fresh.keep(runOf(mib, mib + 1));
    expect(copied(fresh, 0)).not.toHaveLength(0);
    slower.position = mib;
    fresh.keep(runOf(mib + 1, mib + 2));
    expect(copied(fresh, 0)).toHaveLength(0);
    expect(copied(fresh, mib)).toHaveLength(2);
    fresh.leave(reader);
    expect(copied(fresh, mib)).toHaveLength(2);
    fresh.leave(slower);
    expect(copied(fresh, mib)).toHaveLength(0);
  });

  test("take 2 MiB at most, the last ones", () => {
    const fresh = new FreshBytes(new ByteBudget(16 * mib));
    const reader = { position: 0 };
    fresh.join(reader);
    for (let at = 0; at < 2 * mib; at += mib / 2) fresh.keep(runOf(at, at + mib / 2));
    expect(copied(fresh, 0)).not.toHaveLength(0);
    fresh.keep(runOf(2 * mib, 2 * mib + 1));
    expect(copied(fresh, 0)).toHaveLength(0);
    expect(copied(fresh, mib / 2)).not.toHaveLength(0);
  });

  test("of all downloads together stay within their budget, which they give back", () => {
    const budget = new ByteBudget(mib);
    const [first, second] = [new FreshBytes(budget), new FreshBytes(budget)];
    for (const each of [first, second]) each.join({ position: 0 });
    first.keep(runOf(0, mib));
    second.keep(runOf(0, 1));
    expect(copied(second, 0)).toHaveLength(0);
    first.drop();
    second.keep(runOf(0, mib));
    expect(copied(second, 0)).not.toHaveLength(0);
    expect(budget.isExceeded).toBe(false);
    expect(budget.hasRoomFor(1)).toBe(false);
  });

  test("are right in any order and size, and never more than the budget", () => {
    const step = fc.record({
      start: fc.nat(3 * mib),
      length: fc.integer({ min: 1, max: mib }),
      chunkBytes: fc.integer({ min: 1000, max: 100_000 }),
      position: fc.nat(4 * mib),
    });
    const property = fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const budget = new ByteBudget(3 * mib);
      const fresh = new FreshBytes(budget);
      const reader = { position: 0 };
      fresh.join(reader);
      for (const { start, length, chunkBytes, position } of steps) {
        fresh.keep(runOf(start, start + length, chunkBytes));
        const found = copied(fresh, position);
        expect(found.equals(content.subarray(position, position + found.length))).toBe(true);
        reader.position = position;
        expect(budget.isExceeded).toBe(false);
      }
      fresh.leave(reader);
      expect(budget.hasRoomFor(3 * mib)).toBe(true);
    });
    fc.assert(property, { numRuns: 50 });
  });
});
