import { describe, expect, test } from "@jest/globals";
import {
  array,
  assert,
  boolean,
  constantFrom,
  dictionary,
  oneof,
  property,
  string,
  tuple,
} from "fast-check";
import { parseChallenges } from "../../../src/upstream/challenge.ts";

function read(header: string | string[] | undefined): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
}

describe("parseChallenges", () => {
  test("reads what Docker Hub sends", () => {
    const header =
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/node:pull,push"';
    expect(read(header)).toEqual([
      [
        "bearer",
        {
          realm: "https://auth.docker.io/token",
          service: "registry.docker.io",
          scope: "repository:library/node:pull,push",
        },
      ],
    ]);
  });

  test.each([
    ["no header", undefined, []],
    ["an empty header", "", []],
    ["a scheme alone", "Negotiate", [["negotiate", {}]]],
    ["a token68", "Negotiate YWJj==", [["negotiate", {}]]],
    ["upper-case names", 'BEARER REALM="A"', [["bearer", { realm: "A" }]]],
    ["space around the equals sign", 'Basic realm = "a"', [["basic", { realm: "a" }]]],
    [
      "no quotes",
      "Bearer realm=https://x/token,service=y",
      [["bearer", { realm: "https://x/token", service: "y" }]],
    ],
    ["escapes", String.raw`Basic realm="a \"b\" \\c"`, [["basic", { realm: 'a "b" \\c' }]]],
    [
      "commas and equals signs in quotes",
      'Basic realm="a, Bearer b=c"',
      [["basic", { realm: "a, Bearer b=c" }]],
    ],
    [
      "empty list members",
      ', ,Basic realm="a",, charset="UTF-8",',
      [["basic", { realm: "a", charset: "UTF-8" }]],
    ],
    [
      "several challenges a line",
      'Basic realm="a", Bearer realm="b",service="c", Negotiate',
      [
        ["basic", { realm: "a" }],
        ["bearer", { realm: "b", service: "c" }],
        ["negotiate", {}],
      ],
    ],
    [
      "a challenge after a token68",
      'Negotiate YWJj==, Basic realm="a"',
      [
        ["negotiate", {}],
        ["basic", { realm: "a" }],
      ],
    ],
    [
      "several lines",
      ['Bearer realm="b"', 'Basic realm="a"'],
      [
        ["bearer", { realm: "b" }],
        ["basic", { realm: "a" }],
      ],
    ],
    ["a name twice: the first counts", 'Bearer realm="a",realm="b"', [["bearer", { realm: "a" }]]],
    ["a parameter without a scheme", 'realm="a"', []],
    ["a quote that is never closed", 'Bearer realm="a', [["bearer", { realm: '"a' }]]],
  ])("reads %s", (_, header, expected) => {
    expect(read(header)).toEqual(expected);
  });

  const tokenChars = "!#$%&'*+.^_`|~-0123456789abcdefghijklmnopqrstuvwxyz".split("");
  const word = string({ unit: constantFrom(...tokenChars), minLength: 1, maxLength: 10 });
  const value = string({ unit: "binary-ascii", maxLength: 20 });
  const challenge = tuple(word, dictionary(word, value, { noNullPrototype: true, maxKeys: 4 }));

  test("reads back whatever was written by the rules, on one line or several", () => {
    assert(
      property(array(challenge), boolean(), (challenges, isOneLine) => {
        const lines = challenges.map(([scheme, parameters]) => format(scheme, parameters));
        expect(read(isOneLine ? lines.join(", ") : lines)).toEqual(challenges);
      }),
    );
  });

  test("makes something or nothing of whatever comes, and never throws", () => {
    const anything = oneof(
      string({ unit: "binary-ascii", maxLength: 200 }),
      string({ unit: constantFrom("a", "b", " ", "=", ",", '"', "\\", "\t"), maxLength: 200 }),
    );
    assert(
      property(anything, (text) => {
        for (const { scheme } of parseChallenges(text)) expect(scheme).not.toBe("");
      }),
    );
  });
});

function format(scheme: string, parameters: Record<string, string>): string {
  const list = Object.entries(parameters).map(
    ([name, text]) => `${name}="${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
  );
  return list.length === 0 ? scheme : `${scheme} ${list.join(",")}`;
}
