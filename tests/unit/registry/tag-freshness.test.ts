import { describe, expect, test } from "@jest/globals";
import { judgeFreshness, type Freshness } from "../../../src/registry/tag-freshness.ts";

const rules = { revalidateAfterMs: 60_000, serveStaleForMs: 1_000_000 };

describe("judgeFreshness", () => {
  test.each<[string, number, Freshness]>([
    ["just confirmed", 0, "fresh"],
    ["within revalidateAfter", 59_999, "fresh"],
    ["at revalidateAfter", 60_000, "revalidate"],
    ["within serveStaleFor", 1_000_000, "revalidate"],
    ["beyond serveStaleFor", 1_000_001, "expired"],
    ["confirmed in the future, as after the clock was set back", -5000, "revalidate"],
  ])("%s", (_, ageMs, expected) => {
    const now = 1_700_000_000_000;
    expect(judgeFreshness(now - ageMs, now, rules)).toBe(expected);
  });

  test("with revalidateAfter 0 is never fresh", () => {
    expect(judgeFreshness(5, 5, { ...rules, revalidateAfterMs: 0 })).toBe("revalidate");
  });
});
