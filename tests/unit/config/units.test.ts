import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import {
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  parseUntil,
} from "../../../src/config/units.ts";

describe("parseDuration", () => {
  test.each([
    ["0s", 0],
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["12h", 43_200_000],
    ["30d", 2_592_000_000],
  ])("reads %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    "",
    "5",
    "s",
    "1.5h",
    "-1s",
    "1 s",
    "1h30m",
    "1S",
    "5x",
    " 5s",
    "5s\n",
    "9".repeat(10) + "s",
  ])("does not take %j for a duration", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe("parseSize", () => {
  test.each([
    ["0B", 0],
    ["1B", 1],
    ["1KB", 1000],
    ["1KiB", 1024],
    ["1K", 1024],
    ["2MB", 2_000_000],
    ["2MiB", 2_097_152],
    ["2M", 2_097_152],
    ["50GiB", 53_687_091_200],
    ["50G", 53_687_091_200],
    ["1.5GB", 1_500_000_000],
    ["1.5GiB", 1_610_612_736],
    ["12.3MiB", 12_897_485],
    ["1TB", 1_000_000_000_000],
    ["1TiB", 1_099_511_627_776],
    ["1T", 1_099_511_627_776],
    ["50gib", 53_687_091_200],
    ["50gb", 50_000_000_000],
  ])("reads %s", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each([
    "",
    "5",
    "MiB",
    "-1MiB",
    "1 MiB",
    "1,5MiB",
    ".5MiB",
    "1.MiB",
    "1PiB",
    "1Mi",
    "1e3B",
    "1MiB\n",
    " 1MiB",
    "99999999TiB",
    "9".repeat(16) + "B",
  ])("does not take %j for a size", (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});

describe("what is written of a number", () => {
  test.each([
    [0, "0s"],
    [1, "1ms"],
    [1500, "1500ms"],
    [90_000, "90s"],
    [5_400_000, "90m"],
    [86_400_000, "1d"],
    [Infinity, "off"],
  ])("%d ms is %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([
    [0, "0B"],
    [1, "1B"],
    [1000, "1KB"],
    [1024, "1KiB"],
    [1_500_000_000, "1500MB"],
    [1_610_612_736, "1536MiB"],
    [53_687_091_200, "50GiB"],
    [Infinity, "off"],
  ])("%d bytes is %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  test("is read as the same number", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (number) => {
        expect(parseSize(formatSize(number))).toBe(number);
        expect(parseDuration(formatDuration(number))).toBe(number);
      }),
    );
  });
});

describe("parseUntil", () => {
  const now = Date.parse("2026-03-01T12:00Z");

  test.each([
    ["2026-12-31T18:00Z", "2026-12-31T18:00:00.000Z"],
    ["2026-12-31 18:00:30Z", "2026-12-31T18:00:30.000Z"],
    ["2026-12-31T18:00+02:00", "2026-12-31T16:00:00.000Z"],
    ["30d", "2026-03-31T12:00:00.000Z"],
    ["0s", "2026-03-01T12:00:00.000Z"],
  ])("takes %s for %s", (text, at) => {
    expect(new Date(parseUntil(text, now) ?? NaN).toISOString()).toBe(at);
  });

  test("takes the last day that can be written", () => {
    expect(parseUntil("9999-12-31", now)).toBe(new Date(10_000, 0, 1).getTime());
  });

  test("takes a day as its end, and a time without a zone as one of this machine's", () => {
    expect(parseUntil("2026-12-31", now)).toBe(new Date(2027, 0, 1).getTime());
    expect(parseUntil("2028-02-29", now)).toBe(new Date(2028, 2, 1).getTime());
    expect(parseUntil("2026-12-31T18:00", now)).toBe(new Date(2026, 11, 31, 18).getTime());
  });

  test.each([
    "",
    "tomorrow",
    "2026",
    "2026-13-01",
    "2026-02-31",
    "2026-02-31T10:00Z",
    "2026-12-31T25:00Z",
    "2026-12-31T18Z",
    "31.12.2026",
    "2026-12-31T18:00Z\n",
    "999999999d",
    "2920000d",
  ])("does not take %j for a date", (text) => {
    expect(parseUntil(text, now)).toBeUndefined();
  });
});
