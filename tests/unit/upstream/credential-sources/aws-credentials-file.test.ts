import { describe, expect, test } from "@jest/globals";
import { parseProfiles } from "../../../../src/upstream/credential-sources/aws-credentials-file.ts";

function parse(text: string): Record<string, Record<string, string>> {
  const profiles = [...parseProfiles(text)];
  return Object.fromEntries(profiles.map(([name, keys]) => [name, Object.fromEntries(keys)]));
}

describe("parseProfiles", () => {
  test("reads every profile's settings", () => {
    const text = "[default]\na = 1\nb=2\n\n[profile pull]\r\na = 3/+=\r\n[ other ]\nA_B = 4\n";
    expect(parse(text)).toEqual({
      default: { a: "1", b: "2" },
      pull: { a: "3/+=" },
      other: { a_b: "4" },
    });
  });

  test("passes over comments, nested settings and what is in no profile", () => {
    const text = "a = 0\n# [x]\n[default]\n; a = 1\n#a = 1\ns3 =\n  a = 2\na = 3 # why\n";
    expect(parse(text)).toEqual({ default: { a: "3" } });
  });

  test("joins what is said of a profile twice", () => {
    expect(parse("[a]\nx = 1\ny = 1\n[a]\nx = 2\n")).toEqual({ a: { x: "2", y: "1" } });
  });
});
