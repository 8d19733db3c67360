import { describe, expect, test } from "@jest/globals";
import { findNearest } from "../../../src/config/suggestion.ts";

describe("findNearest", () => {
  const keys = ["listen", "drainTimeout", "idleTimeout", "publicUrl"];

  test.each([
    ["lisen", "listen"],
    ["listne", "listen"],
    ["draintimeout", "drainTimeout"],
    ["idelTimeout", "idleTimeout"],
    ["publicURL", "publicUrl"],
  ])("takes %s for %s", (word, meant) => {
    expect(findNearest(word, keys)).toBe(meant);
  });

  test.each(["", "x", "port", "timeout", "somethingElse"])("has nothing for %j", (word) => {
    expect(findNearest(word, keys)).toBeUndefined();
  });

  test("prefers the nearest to the first", () => {
    expect(findNearest("path", ["paths-", "bath", "path-"])).toBe("bath");
  });
});
