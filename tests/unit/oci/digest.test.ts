import { describe, expect, test } from "@jest/globals";
import {
  asDigest,
  digestAlgorithm,
  digestHex,
  digestOf,
  finishDigest,
  parseDigest,
  startDigest,
} from "../../../src/oci/digest.ts";

const hex256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

describe("a digest", () => {
  test.each([`sha256:${hex256}`, `sha512:${"0f".repeat(64)}`])("%s is one", (text) => {
    expect(parseDigest(text)).toBe(text);
    expect(asDigest(text)).toBe(text);
  });

  test.each([
    "",
    "latest",
    hex256,
    `sha256:${hex256}0`,
    `sha256:${hex256.slice(1)}`,
    `sha256:${hex256.toUpperCase()}`,
    `SHA256:${hex256}`,
    `sha512:${hex256}`,
    `md5:${"a".repeat(32)}`,
    `toString:${hex256}`,
    `sha256:${hex256.slice(1)}\n`,
    `sha256:${"g".repeat(64)}`,
  ])("%p is none", (text) => {
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: "DIGEST_INVALID" }));
    expect(asDigest(text)).toBeUndefined();
  });

  test("is computed at once or bit by bit, with either algorithm", () => {
    expect(digestOf(Buffer.alloc(0))).toBe(`sha256:${hex256}`);
    const hash = startDigest("sha512").update("ab").update("c");
    expect(finishDigest(hash, "sha512")).toBe(digestOf(Buffer.from("abc"), "sha512"));
  });

  test("knows its parts", () => {
    const long = digestOf(Buffer.from("abc"), "sha512");
    expect([digestAlgorithm(long), digestHex(long).length]).toEqual(["sha512", 128]);
    const short = digestOf(Buffer.alloc(0));
    expect([digestAlgorithm(short), digestHex(short)]).toEqual(["sha256", hex256]);
  });
});
