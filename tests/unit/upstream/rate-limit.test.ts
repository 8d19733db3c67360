import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { parseBudget } from "../../../src/upstream/rate-limit.ts";

const now = 1_700_000_000_000;
const hourMs = 3_600_000;

function parse(limit?: string | string[], remaining?: string | string[]) {
  // Node gives both forms, whatever its types say of single headers.
  const headers = Object.fromEntries([
    ["ratelimit-limit", limit],
    ["ratelimit-remaining", remaining],
  ]);
  return parseBudget(headers, now);
}

describe("parseBudget", () => {
  test("reads what Docker Hub sends", () => {
    expect(parse("100;w=21600", "20;w=21600")).toEqual({
      limit: 100,
      remaining: 20,
      windowMs: 6 * hourMs,
      toldAt: now,
    });
  });

  test.each([
    ["without a window, for an hour", ["2000", "1999"], [2000, 1999, hourMs]],
    ["with a window of the limit only", ["100;w=60", "99"], [100, 99, 60_000]],
    ["with other parameters", ['100;comment="a;w";w=60', "99;x=1"], [100, 99, 60_000]],
    ["with blanks", [" 100 ; w = 60 ", " 99 ; w = 60 "], [100, 99, 60_000]],
    ["of the first of several policies", ["100;w=60, 5000;w=3600", "7;w=60, 8"], [100, 7, 60_000]],
    ["that is used up", ["100;w=60", "0;w=60"], [100, 0, 60_000]],
    ["with more left than there is", ["100;w=60", "150;w=60"], [100, 100, 60_000]],
    ["with a window of nothing", ["100;w=0", "99;w=0"], [100, 99, hourMs]],
  ])("reads one %s", (_, [limit, remaining], [expectedLimit, expectedRemaining, windowMs]) => {
    expect(parse(limit, remaining)).toEqual({
      limit: expectedLimit,
      remaining: expectedRemaining,
      windowMs,
      toldAt: now,
    });
  });

  test.each([
    ["absent", undefined, undefined],
    ["half", "100;w=60", undefined],
    ["words", "unlimited", "unlimited"],
    ["negative", "100;w=60", "-1;w=60"],
    ["a limit of nothing", "0;w=60", "0;w=60"],
    ["endless", "9".repeat(40), "1"],
  ])("makes nothing of what is %s", (_, limit, remaining) => {
    expect(parse(limit, remaining)).toBeUndefined();
  });

  test("holds sane numbers whatever it is sent", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^ ?\d{0,14};? ?w?=?\d{0,12}$/));
    fc.assert(
      fc.property(text, text, (limit, remaining) => {
        const budget = parse(limit, remaining);
        if (!budget) return;
        expect(budget.limit).toBeGreaterThan(0);
        expect(budget.remaining).toBeGreaterThanOrEqual(0);
        expect(budget.remaining).toBeLessThanOrEqual(budget.limit);
        expect(budget.windowMs).toBeGreaterThan(0);
      }),
    );
  });
});
