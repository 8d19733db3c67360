import { describe, expect, test } from "@jest/globals";
import { backoffMs } from "../../../src/upstream/backoff.ts";

describe("backoffMs", () => {
  test("doubles at most, from 100 ms to 2 s", () => {
    const longest = [0, 1, 2, 3, 4, 5, 6].map((round) => backoffMs(round, () => 1));
    expect(longest).toEqual([100, 200, 400, 800, 1600, 2000, 2000]);
  });

  test("is spread over everything from nothing on", () => {
    expect(backoffMs(2, () => 0)).toBe(0);
    expect(backoffMs(2, () => 0.5)).toBe(200);
  });
});
