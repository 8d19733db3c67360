import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { formatAge, formatSpan, formatTime } from "../../../src/cli/format-age.ts";
import { formatShare, formatSize } from "../../../src/cli/format-size.ts";
import { durationArgument, sizeArgument, timeArgument } from "../../../src/cli/parse-argument.ts";

const hour = 3_600_000;

describe("formatSize", () => {
  test.each([
    [0, "0B"],
    [1023, "1023B"],
    [1024, "1KiB"],
    [1536, "1.5KiB"],
    [12.34 * 1024 ** 2, "12.3MiB"],
    [123.4 * 1024 ** 2, "123MiB"],
    [1024 ** 2 - 1, "1MiB"],
    [50 * 1024 ** 3, "50GiB"],
    [3 * 1024 ** 4, "3TiB"],
    [4000 * 1024 ** 4, "4000TiB"],
  ])("%i is %s", (bytes, expected) => {
    expect(formatSize(bytes)).toBe(expected);
  });

  test("is taken for a size again, at most 5 % off", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (bytes) => {
        const read = sizeArgument(formatSize(bytes));
        expect(Math.abs(read - bytes)).toBeLessThanOrEqual(bytes * 0.05);
      }),
    );
  });
});

describe("formatSpan", () => {
  test.each([
    [0, "0 seconds"],
    [1000, "1 second"],
    [119_000, "119 seconds"],
    [120_000, "2 minutes"],
    [1.5 * hour, "90 minutes"],
    [47 * hour, "47 hours"],
    [91 * 24 * hour, "91 days"],
  ])("%i is %s", (ms, expected) => {
    expect(formatSpan(ms)).toBe(expected);
  });

  test("is taken for a duration again, never longer and at most by half shorter", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 1000 * 24 * hour }), (ms) => {
        const read = durationArgument(`${formatSpan(ms)} ago`);
        expect(read).toBeLessThanOrEqual(ms);
        expect(read).toBeGreaterThan(ms / 2);
      }),
    );
  });
});

describe("formatAge", () => {
  test.each([
    [undefined, "never"],
    [10 * hour, "just now"],
    [7 * hour, "3 hours ago"],
    [12 * hour, "in 2 hours"],
  ])("%p is %s", (at, expected) => {
    expect(formatAge(at, 10 * hour)).toBe(expected);
  });
});

test("formatTime is taken for the end of a pin again", () => {
  const at = Date.UTC(2026, 11, 31, 18);
  expect(timeArgument(formatTime(at), 0)).toBe(at);
});

test("formatShare of nothing is no number", () => {
  expect(formatShare(0, 0)).toBe("-");
});
