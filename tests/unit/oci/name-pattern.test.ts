import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { Glob } from "../../../src/oci/glob.ts";
import { findPatternProblem, parseNamePattern } from "../../../src/oci/name-pattern.ts";
import { parsePullName } from "../../../src/oci/pull-name.ts";

/** Of a complete name; one with a digest has no tag. */
function matches(pattern: string, name: string): boolean {
  const { repository, reference } = parsePullName(name);
  const tag = reference.kind === "tag" ? reference.tag : undefined;
  return parseNamePattern(pattern).matches(repository, tag);
}

const digest = `sha256:${"0".repeat(64)}`;

describe("a name pattern", () => {
  test.each([
    ["docker.io/library/node", "docker.io/library/node:24"],
    ["docker.io/library/node", `docker.io/library/node@${digest}`],
    ["docker.io/library/*", "docker.io/library/node:24"],
    ["docker.io/*/node", "docker.io/library/node:24"],
    ["docker.io/library/n*e", "docker.io/library/node:24"],
    ["docker.io/library/node*", "docker.io/library/node:24"],
    ["docker.io/library/?ode", "docker.io/library/node:24"],
    ["docker.io/**", "docker.io/library/node:24"],
    ["docker.io/**", `docker.io/a/b/c@${digest}`],
    ["docker.io/**/node", "docker.io/library/node:24"],
    ["docker.io/**/node", "docker.io/a/b/node:24"],
    ["ghcr.io/**/node", "ghcr.io/node:24"],
    ["ghcr.io/**node", "ghcr.io/a/mynode:24"],
    ["**", "ghcr.io/a:1"],
    ["**/node", "ghcr.io/a/node:1"],
    ["*/library/node", "docker.io/library/node:24"],
    ["localhost:5000/**", "localhost:5000/a/b:1"],
    ["localhost:5000/a:1", "localhost:5000/a:1"],
    ["docker.io/library/node:24", "docker.io/library/node:24"],
    ["docker.io/library/node:24*", "docker.io/library/node:24.1-alpine"],
    ["docker.io/library/node:*-alpine", "docker.io/library/node:24.1-alpine"],
    ["docker.io/library/node:??", "docker.io/library/node:24"],
    ["docker.io/**:*", "docker.io/library/node:RC_1"],
  ])("%s matches %s", (pattern, name) => {
    expect(matches(pattern, name)).toBe(true);
  });

  test.each([
    ["node", "docker.io/library/node:24"],
    ["library/node", "docker.io/library/node:24"],
    ["docker.io/library", "docker.io/library/node:24"],
    ["docker.io/*", "docker.io/library/node:24"],
    ["docker.io/library/*/*", "docker.io/library/node:24"],
    ["docker.io/library/nod?", "docker.io/library/nod:24"],
    ["docker.io?library/node", "docker.io/library/node:24"],
    ["docker.io/**/node", "docker.io/a/mynode:24"],
    ["dockerxio/**", "docker.io/library/node:24"],
    ["docker.io/**", "ghcr.io/library/node:24"],
    ["docker.io/library/node:24", "docker.io/library/node:24.1"],
    ["docker.io/library/node:2.", "docker.io/library/node:24"],
    ["docker.io/library/node:*", `docker.io/library/node@${digest}`],
    ["docker.io/library/node:rc", "docker.io/library/node:RC"],
  ])("%s does not match %s", (pattern, name) => {
    expect(matches(pattern, name)).toBe(false);
  });

  test("does not match a repository as a whole where it says anything of tags", () => {
    const { repository } = parsePullName("node");
    const withTag = parseNamePattern("docker.io/library/node:*");
    expect({ hasTag: withTag.hasTag, matches: withTag.matches(repository, undefined) }).toEqual({
      hasTag: true,
      matches: false,
    });
    const without = parseNamePattern("docker.io/library/node");
    expect({ hasTag: without.hasTag, matches: without.matches(repository, undefined) }).toEqual({
      hasTag: false,
      matches: true,
    });
  });

  test.each([
    ["docker.io/**", true],
    ["docker.io/library/node:24", true],
    ["*/library/node", true],
    ["**", true],
    ["**/node", true],
    ["d*", false],
    ["d**", true],
    ["library/node", false],
    ["docker.io", false],
    ["docker.io:24", false],
    ["ghcr.io/**", false],
  ])("%s can match something of docker.io: %s", (pattern, expected) => {
    expect(parseNamePattern(pattern).matchesWithin("docker.io")).toBe(expected);
  });

  test("with many wildcards is through with a hostile name at once", () => {
    const stars = new Glob(`${"*a".repeat(120)}**b`);
    expect(stars.matches("a".repeat(255))).toBe(false);
    const components = new Glob(`${"**/*a/".repeat(40)}b`);
    expect(components.matches("aa/".repeat(85))).toBe(false);
  });
});

describe("findPatternProblem", () => {
  test.each([
    ["docker.io/library/node", undefined],
    ["[::1]:5000/**:v*", undefined],
    ["docker.io/library/node@sha256:*", /^holds a digest/],
    ["docker.io/Library/node", /^is not a pattern/],
    ["docker.io/{a,b}", /^is not a pattern/],
    ["docker.io/***", /^is not a pattern/],
    ["", /^is not a pattern/],
    [":24", /^is not a pattern/],
    ["docker.io//node", /^has an empty component/],
    ["docker.io/", /^has an empty component/],
    ["docker.io/library/node:", /^has a tag that is not a pattern/],
    ["docker.io/library/node:a b", /^has a tag that is not a pattern/],
    ["docker.io/library/node:**", /^has a tag that is not a pattern/],
    ["a".repeat(513), /^is longer than 512/],
  ])("of %j is %s", (pattern, problem) => {
    const found = findPatternProblem(pattern);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  });
});

/** The same by a regular expression, which short texts do not make slow. */
function matchesByExpression(glob: string, text: string): boolean {
  const source = glob.replaceAll(/(?<=^|\/)\*\*\/|\*\*|[*?.]/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : "\\.";
  });
  return new RegExp(`^${source}$`).test(text);
}

describe("a glob", () => {
  const piece = fc.constantFrom("a", "b", ".", "/", "*", "?", "**", "/**/", "/*");
  const glob = fc
    .array(piece, { maxLength: 8 })
    .map((pieces) => pieces.join(""))
    .filter((text) => !text.includes("***"));
  const text = fc.string({ unit: fc.constantFrom("a", "b", ".", "/"), maxLength: 10 });

  test("matches what a regular expression of the same meaning matches", () => {
    fc.assert(
      fc.property(glob, text, (pattern, name) => {
        expect(new Glob(pattern).matches(name)).toBe(matchesByExpression(pattern, name));
      }),
      { numRuns: 5000 },
    );
  });

  test("matches beyond every beginning of what it matches", () => {
    fc.assert(
      fc.property(glob, text, fc.nat(), (pattern, name, seed) => {
        const beginning = name.slice(0, seed % (name.length + 1));
        fc.pre(beginning !== name && matchesByExpression(pattern, name));
        expect(new Glob(pattern).matchesBeyond(beginning)).toBe(true);
      }),
    );
  });
});
