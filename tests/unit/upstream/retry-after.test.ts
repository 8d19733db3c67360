import { describe, expect, test } from "@jest/globals";
import { parseRetryAfter } from "../../../src/upstream/retry-after.ts";

const now = Date.parse("2026-01-01T00:00:00Z");

describe("parseRetryAfter", () => {
  test.each([
    ["0", 0],
    ["120", 120_000],
    [" 5 ", 5000],
    ["Thu, 01 Jan 2026 00:01:00 GMT", 60_000],
    ["Wed, 31 Dec 2025 23:59:59 GMT", 0],
    ["", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["2026", 2_026_000],
    ["99999999999", undefined],
  ])("takes %j for %j", (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });

  test("takes the first of several, and no header for none", () => {
    expect(parseRetryAfter(["1", "2"], now)).toBe(1000);
    expect(parseRetryAfter(undefined, now)).toBeUndefined();
  });
});
