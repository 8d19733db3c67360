import { describe, expect, test } from "@jest/globals";
import {
  formatPlatform,
  matchesPlatform,
  parsePlatform,
  platformOfMachine,
  type Platform,
} from "../../../src/oci/platform.ts";

function parsed(text: string): Platform {
  const platform = parsePlatform(text);
  if (!platform) throw new Error(`${text} is no platform`);
  return platform;
}

describe("parsePlatform", () => {
  test.each([
    ["linux/amd64", { os: "linux", architecture: "amd64" }],
    ["linux/arm64/v8", { os: "linux", architecture: "arm64", variant: "v8" }],
    ["linux/arm/v7", { os: "linux", architecture: "arm", variant: "v7" }],
    ["linux/x86_64", { os: "linux", architecture: "amd64" }],
    ["linux/aarch64", { os: "linux", architecture: "arm64" }],
    ["windows/amd64", { os: "windows", architecture: "amd64" }],
    ["unknown/unknown", { os: "unknown", architecture: "unknown" }],
  ])("reads %s", (text, platform) => {
    expect(parsePlatform(text)).toEqual(platform);
  });

  test.each(["", "linux", "amd64", "linux/", "/amd64", "linux/arm/v7/x", "Linux/amd64", "a b/c"])(
    "does not take %j for a platform",
    (text) => {
      expect(parsePlatform(text)).toBeUndefined();
    },
  );

  test.each(["linux/amd64", "linux/arm64/v8", "linux/arm/v7"])("%s is written so again", (text) => {
    expect(formatPlatform(parsed(text))).toBe(text);
  });
});

describe("matchesPlatform", () => {
  test.each([
    ["linux/amd64", "linux/amd64", true],
    ["linux/amd64", "linux/arm64", false],
    ["linux/amd64", "windows/amd64", false],
    ["linux/amd64", "linux/amd64/v3", true],
    ["linux/amd64/v2", "linux/amd64/v3", false],
    ["linux/arm", "linux/arm/v6", true],
    ["linux/arm/v7", "linux/arm/v6", false],
    ["linux/arm/v7", "linux/arm", false],
    ["linux/arm64", "linux/arm64/v8", true],
    ["linux/arm64/v8", "linux/arm64", true],
    ["linux/arm64/v9", "linux/arm64", false],
  ])("%s takes %s: %s", (asked, offered, expected) => {
    expect(matchesPlatform(parsed(asked), parsed(offered))).toBe(expected);
  });
});

describe("platformOfMachine", () => {
  test.each([
    ["x64", "linux/amd64"],
    ["arm64", "linux/arm64"],
    ["arm", "linux/arm"],
    ["ia32", "linux/386"],
    ["ppc64", "linux/ppc64le"],
    ["riscv64", "linux/riscv64"],
  ])("of a processor that Node calls %s is %s", (arch, platform) => {
    expect(formatPlatform(platformOfMachine(arch))).toBe(platform);
  });
});
