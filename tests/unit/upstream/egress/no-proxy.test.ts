import { describe, expect, test } from "@jest/globals";
import { isIP } from "node:net";
import { parseDirectRule } from "../../../../src/upstream/egress/no-proxy.ts";

function isDirect(entry: string, hostname: string, port = 443, configured: string[] = []): boolean {
  const addresses = [hostname, ...configured].filter((text) => isIP(text) !== 0);
  return parseDirectRule(entry)({ hostname, addresses, port });
}

describe("parseDirectRule", () => {
  test.each([
    ["*", "registry.example"],
    ["registry.example", "registry.example"],
    ["registry.example", "eu.registry.example"],
    [".registry.example", "registry.example"],
    [".registry.example", "eu.registry.example"],
    ["*.registry.example", "eu.registry.example"],
    ["Registry.Example.", "registry.example"],
    [" registry.example ", "registry.example"],
    ["registry.example:443", "registry.example"],
    ["10.1.2.3", "10.1.2.3"],
    ["10.1.2.3:443", "10.1.2.3"],
    ["10.0.0.0/8", "10.1.2.3"],
    ["10.0.0.0/8:443", "10.1.2.3"],
    ["::1", "::1"],
    ["[::1]", "::1"],
    ["[::1]:443", "::1"],
    ["fd00::/8", "fd12::1"],
    ["fd00::", "fd00::"],
    ["[fd00::/8]:443", "fd12::1"],
    ["10.0.0.0/8", "::ffff:10.1.2.3"],
  ])("%s holds for %s", (entry, hostname) => {
    expect(isDirect(entry, hostname)).toBe(true);
  });

  test.each([
    ["registry.example", "otherregistry.example"],
    ["registry.example", "registry.example.org"],
    [".registry.example", "xregistry.example"],
    ["registry.example:5000", "registry.example"],
    ["10.1.2.3", "10.1.2.30"],
    ["10.1.2.3:80", "10.1.2.3"],
    ["10.0.0.0/8", "11.0.0.1"],
    ["10.0.0.0/8", "registry.example"],
    ["10.0.0.0/8", "fd00::1"],
    ["0.0.0.0/0", "fd00::1"],
    ["fd00::/8", "10.1.2.3"],
    ["[::1]:80", "::1"],
    ["", "registry.example"],
    [".", "registry.example"],
  ])("%p does not hold for %s", (entry, hostname) => {
    expect(isDirect(entry, hostname)).toBe(false);
  });

  test("a block holds for a name that is configured to be in it", () => {
    expect(isDirect("10.0.0.0/8", "registry.example", 443, ["10.1.2.3"])).toBe(true);
  });

  test.each(["10.0.0.0/33", "registry.example/8", "fd00::/129", "/"])("%s is refused", (entry) => {
    expect(() => parseDirectRule(entry)).toThrow(`${entry} is no CIDR block`);
  });
});
