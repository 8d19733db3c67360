import { describe, expect, test } from "@jest/globals";
import { PairCache } from "../../src/pair-cache.ts";

describe("a cache by two keys", () => {
  test("has what was set under both, until it is deleted", () => {
    const cache = new PairCache<string, string | undefined, number>(100);
    cache.set("a", "b", 1);
    cache.set("a", undefined, 2);
    cache.set("b", "a", 3);
    expect([cache.get("a", "b"), cache.get("a", undefined), cache.get("b", "a")]).toEqual([
      1, 2, 3,
    ]);
    expect(cache.get("b", "b")).toBeUndefined();
    cache.delete("a", "b");
    cache.delete("c", "c");
    expect([cache.get("a", "b"), cache.get("a", undefined)]).toEqual([undefined, 2]);
  });

  test.each([
    ["many first keys", (number: number) => [`a${number}`, "b"] as const],
    ["many second keys of one", (number: number) => ["a", `b${number}`] as const],
  ])("stays bounded with %s, and has the latest", (_, keysOf) => {
    const cache = new PairCache<string, string, number>(100);
    const numbers = Array.from({ length: 1000 }, (__, number) => number);
    for (const number of numbers) {
      const [first, second] = keysOf(number);
      cache.set(first, second, number);
    }
    const kept = numbers.filter((number) => {
      const [first, second] = keysOf(number);
      return cache.get(first, second) === number;
    });
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThanOrEqual(100);
    expect(kept.at(-1)).toBe(999);
  });

  test("forgets first what was not asked for", () => {
    const cache = new PairCache<string, string, number>(10);
    cache.set("kept", "b", 0);
    for (let number = 0; number < 100; number += 1) {
      cache.set(`a${number}`, "b", number);
      expect(cache.get("kept", "b")).toBe(0);
    }
  });
});
