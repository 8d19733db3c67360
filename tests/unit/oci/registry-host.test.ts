import { describe, expect, test } from "@jest/globals";
import {
  canonicalHost,
  isRegistryHost,
  looksLikeHost,
  withoutPort,
} from "../../../src/oci/registry-host.ts";

describe("a registry's host", () => {
  test.each([
    "docker.io",
    "GHCR.io",
    "localhost",
    "registry",
    "my_registry.lan:5000",
    "10.0.0.1:65535",
    "[fd00::1]:5000",
    "a".repeat(253),
  ])("%s is one", (text) => {
    expect(isRegistryHost(text)).toBe(true);
  });

  test.each([
    "",
    ".",
    "..",
    "a..b",
    "-a.b",
    "a.b-",
    "a.b.",
    "a:b",
    "a:",
    "a:123456",
    "a b",
    "a\n",
    "a\r\nSet-Cookie: x",
    "user@a.b",
    "a/b",
    "*.a",
    "é.b",
    "[::1",
    "a".repeat(260),
  ])("%p is none", (text) => {
    expect(isRegistryHost(text)).toBe(false);
  });

  test("is told from a namespace by a dot, by a port, or by being localhost", () => {
    const hosts = ["a.b", "a:1", "localhost", "[::1]"];
    const others = ["library", "a-b", "Library", "..", "local_host", ""];
    expect(hosts.filter((each) => looksLikeHost(each))).toEqual(hosts);
    expect(others.filter((each) => looksLikeHost(each))).toEqual([]);
  });

  test.each([
    ["Docker.IO", "docker.io"],
    ["registry-1.docker.io", "docker.io"],
    ["Index.docker.io", "docker.io"],
    ["registry.hub.docker.com", "docker.io"],
    ["GHCR.io", "ghcr.io"],
    ["docker.io:443", "docker.io:443"],
  ])("%s is kept as %s", (host, canonical) => {
    expect(canonicalHost(host)).toBe(canonical);
  });

  test.each([
    ["a.b:5000", "a.b"],
    ["a.b", "a.b"],
    ["[::1]:5000", "[::1]"],
    ["[::1]", "[::1]"],
  ])("%s without its port is %s", (host, name) => {
    expect(withoutPort(host)).toBe(name);
  });

  test("is refused without delay even when it nearly fits", () => {
    expect(isRegistryHost(`${"a-".repeat(120)}!`)).toBe(false);
    expect(isRegistryHost(`${"a-".repeat(100_000)}!`)).toBe(false);
  });
});
