import { describe, expect, test } from "@jest/globals";
import { parseTag } from "../../../../src/oci/reference.ts";
import { parseNameFilter } from "../../../../src/registry/operations/name-filter.ts";
import { repositoryOf } from "./stocked-cache.ts";

const names = ["node", "bitnami/node", "library/redis", "localhost:5000/node", "ghcr.io/a/node/b"];

function matched(text: string | undefined): string[] {
  const filter = parseNameFilter(text);
  return names.map(repositoryOf).filter((name) => filter.matchesRepository(name));
}

describe("a listing is narrowed to", () => {
  const everything = names.map(repositoryOf);

  test.each([
    [undefined, everything],
    ["**", everything],
    ["node", ["docker.io/library/node"]],
    ["library", ["docker.io/library/node", "docker.io/library/redis"]],
    ["docker.io", everything.slice(0, 3)],
    ["docker.io/library", ["docker.io/library/node", "docker.io/library/redis"]],
    ["docker.io/library/no", []],
    ["bitnami", ["docker.io/bitnami/node"]],
    ["bitnami/*", ["docker.io/bitnami/node"]],
    ["*", ["docker.io/library/node", "docker.io/library/redis"]],
    ["re*", ["docker.io/library/redis"]],
    ["**/node", ["docker.io/library/node", "docker.io/bitnami/node", "localhost:5000/node"]],
    ["localhost:5000", ["localhost:5000/node"]],
    ["localhost:5000/node", ["localhost:5000/node"]],
    ["ghcr.io/a/node", ["ghcr.io/a/node/b"]],
    ["ghcr.io/node", []],
  ])("%s: %j", (text, expected) => {
    expect(matched(text)).toEqual(expected);
  });

  test.each([
    ["node", "24", true],
    ["node:24", "24", true],
    ["node:24", "24-slim", false],
    ["node:24*", "24-slim", true],
    ["**:24", "24", true],
    ["redis:24", "24", false],
    ["library:24", "24", false],
  ])("%s: tag %s of node is in it or not: %s", (text, tag, expected) => {
    const filter = parseNameFilter(text);
    expect(filter.matchesTag(repositoryOf("node"), parseTag(tag))).toBe(expected);
  });

  test.each(["No", "a//b", "node@sha256:12", "a b", "node:**"])("not to %s", (text) => {
    expect(() => parseNameFilter(text)).toThrow(`"${text}" `);
  });
});
