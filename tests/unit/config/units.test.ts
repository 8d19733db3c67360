import { describe, expect, test } from "@jest/globals";
import { parseDuration } from "../../../src/config/units.ts";

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
