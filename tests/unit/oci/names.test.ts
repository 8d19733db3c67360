import { describe, expect, test } from "@jest/globals";
import { formatReference, isTag, parseReference } from "../../../src/oci/reference.ts";
import { parseRepositoryName, qualifyName } from "../../../src/oci/repository-name.ts";

describe("a repository's name", () => {
  test.each(["a", "library/node", "a.b_c__d-e--f/0", "a/b/c/d", "a".repeat(255)])(
    "%s is one",
    (text) => {
      expect(parseRepositoryName(text)).toBe(text);
    },
  );

  test.each([
    "",
    "/a",
    "a/",
    "a//b",
    "A",
    "a..b",
    "a___b",
    "-a",
    "a-",
    "a/../b",
    "a b",
    "a\0",
    "a\n",
    "é",
    "a:b",
    "a".repeat(256),
  ])("%p is none", (text) => {
    expect(() => parseRepositoryName(text)).toThrow(
      expect.objectContaining({ code: "NAME_INVALID" }),
    );
  });

  test("is refused without delay even when it nearly fits", () => {
    const text = `${"a-".repeat(100)}${"a".repeat(50)}!`;
    expect(() => parseRepositoryName(text)).toThrow("repository name");
  });

  test("has a registry in front of it when it is qualified", () => {
    expect(qualifyName("docker.io", parseRepositoryName("library/node"))).toBe(
      "docker.io/library/node",
    );
  });
});

describe("a reference", () => {
  test.each(["latest", "24", "_x", "A.b-c_D", "t".repeat(128)])("%s is a tag", (text) => {
    expect(parseReference(text)).toEqual({ kind: "tag", tag: text });
    expect(isTag(text)).toBe(true);
  });

  test.each(["", ".", "-x", "a/b", "a b", "a\n", "t".repeat(129)])("%p is none", (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "TAG_INVALID" }));
    expect(isTag(text)).toBe(false);
  });

  test("with a colon is a digest or nothing", () => {
    const digest = `sha256:${"a".repeat(64)}`;
    expect(parseReference(digest)).toEqual({ kind: "digest", digest });
    expect(() => parseReference("node:24")).toThrow(
      expect.objectContaining({ code: "DIGEST_INVALID" }),
    );
  });

  test.each(["latest", `sha256:${"a".repeat(64)}`])("%s is written as it was read", (text) => {
    expect(formatReference(parseReference(text))).toBe(text);
  });
});
