import { describe, expect, test } from "@jest/globals";
import { RegistryError } from "../../../src/oci/errors.ts";
import { Routes } from "../../../src/registry/routes.ts";

function routesOf(...hosts: string[]): Routes {
  const upstreams = hosts.map((host) => ({ host, prefix: undefined, hosts: [] }));
  return new Routes({ upstreams, defaultUpstream: "docker.io", ownHosts: ["mirror.test"] });
}

function registryOf(routes: Routes, host: string): string[] {
  const byNamespace = routes.resolve({ name: "a/b", namespace: host, host: undefined });
  const byName = routes.resolve({ name: `${host}/a/b`, namespace: undefined, host: undefined });
  return [byNamespace.registry, byName.registry];
}

describe("a registry by another spelling of its host", () => {
  test.each([
    ["ghcr.io:443", "ghcr.io"],
    ["GHCR.io:0443", "ghcr.io"],
    ["ghcr.io:00443", "ghcr.io"],
    ["registry-1.docker.io:443", "docker.io"],
    ["docker.io:443", "docker.io"],
    ["other.test:443", "other.test"],
    ["other.test:08443", "other.test:8443"],
    ["corp.test:05000", "corp.test:5000"],
    ["eu.pkg.dev:443", "eu.pkg.dev"],
    ["tls.test:443", "tls.test:443"],
  ])("is no other one, to which other rules would apply (%s)", (written, registry) => {
    const routes = routesOf("docker.io", "ghcr.io", "corp.test:5000", "tls.test:443", "*.dev", "*");
    expect(registryOf(routes, written)).toEqual([registry, registry]);
  });

  test.each(["ghcr.io:8443", "ghcr.io:80"])("is another one at another port (%s)", (host) => {
    expect(registryOf(routesOf("docker.io", "ghcr.io", "*"), host)).toEqual([host, host]);
  });
});

describe("a host that means nothing public", () => {
  test.each([
    "user@evil.test",
    "evil.test.",
    "evil..test",
    "evil.test:0",
    "evil.test:65536",
    "127.0.0.1",
    "127.1",
    "0x7f.0x1",
    "2130706433",
    "localhost",
    "[::1]",
    "[::ffff:127.0.0.1]:443",
    "metadata",
    "__proto__",
    "constructor",
    "évil.test",
    "evil%2etest",
    "mirror.test",
    "mirror.test:443",
    `${"a.".repeat(130)}test`,
    `${"a".repeat(64)}.test`,
  ])("is not let in: %s", (host) => {
    const routes = routesOf("docker.io", "*");
    const ask = () => routes.findRegistry({ namespace: host, host: undefined });
    let registry: string | undefined;
    try {
      registry = ask();
    } catch (error) {
      expect(error).toBeInstanceOf(RegistryError);
    }
    expect(registry).toBeUndefined();
  });
});
