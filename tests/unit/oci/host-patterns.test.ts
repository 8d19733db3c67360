import { describe, expect, test } from "@jest/globals";
import { HostPatterns, isHostPattern } from "../../../src/oci/host-patterns.ts";

describe("a pattern of hosts", () => {
  test.each([
    ["*", true],
    ["*.pkg.dev", true],
    ["pkg.dev", false],
    ["*pkg.dev", false],
  ])("is %s: %p", (text, is) => {
    expect(isHostPattern(text)).toBe(is);
  });
});

describe("patterns of hosts", () => {
  const suffixes = new HostPatterns(["docker.io", "*.dev", "*.pkg.dev", "*.lan:5000"]);

  test.each([
    ["europe-docker.pkg.dev", "*.pkg.dev"],
    ["a.b.pkg.dev", "*.pkg.dev"],
    ["other.dev", "*.dev"],
    ["pkg.dev", "*.dev"],
    ["nas.lan:5000", "*.lan:5000"],
  ])("let %s in below the longest suffix, %s", (host, pattern) => {
    expect(suffixes.find(host)).toBe(pattern);
  });

  test.each(["dev", "docker.io", "notpkg.example", "a.pkg.dev:8443", "nas.lan", "nas.lan:5001"])(
    "do not let %s in",
    (host) => {
      expect(suffixes.find(host)).toBeUndefined();
    },
  );

  test("let any other host in by the star, which comes last", () => {
    const all = new HostPatterns(["*", "*.pkg.dev"]);
    expect(all.find("quay.io")).toBe("*");
    expect(all.find("registry.example:8443")).toBe("*");
    expect(all.find("a.pkg.dev")).toBe("*.pkg.dev");
  });

  test.each([
    "localhost",
    "registry",
    "localhost:5000",
    "127.0.0.1",
    "127.1",
    "0x7f.0.0.1",
    "127.0.0.0x1",
    "2130706433",
    "169.254.169.254:80",
    "[::1]",
    "[::1]:5000",
    "a..b",
    "-a.b",
    "a-.b",
    "a.b.",
    "a_b.example",
    "user@a.b",
    "a.b/c",
    "a.b?c",
    "a.b#c",
    "a.b\\c",
    "a.b%2f",
    "a.b\n",
    "A.B",
    "ä.example",
    "a.b:0",
    "a.b:65536",
    "a.b:",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(127)}com`,
    "*",
    "*.a.b",
    "",
  ])("never let %p in, which is no domain name", (host) => {
    expect(new HostPatterns(["*"]).find(host)).toBeUndefined();
  });

  test("let nothing in where there are none", () => {
    expect(new HostPatterns(["docker.io"]).find("quay.io")).toBeUndefined();
  });
});
