import { describe, expect, test } from "@jest/globals";
import type { Credentials } from "../../../src/upstream/credentials.ts";
import { isTrustedRealm, RealmTrust } from "../../../src/upstream/realm-trust.ts";
import { captureLog } from "./open-upstream.ts";

describe("isTrustedRealm", () => {
  test.each([
    ["https://auth.docker.io/token", "https://registry-1.docker.io", true],
    ["https://registry.example.co.uk/t", "https://auth.example.co.uk", true],
    ["https://ghcr.io/token", "https://ghcr.io", true],
    ["https://ghcr.io:8443/token", "https://ghcr.io", true],
    ["http://127.0.0.1:1/token", "http://127.0.0.1:2", true],
    ["https://registry:1/token", "http://registry:2", true],
    ["https://auth.docker.com/token", "https://registry-1.docker.io", false],
    ["https://docker.io.evil.example/token", "https://registry-1.docker.io", false],
    ["https://evildocker.io/token", "https://registry-1.docker.io", false],
    ["https://other.co.uk/token", "https://registry.co.uk", false],
    ["https://alice.github.io/token", "https://bob.github.io", false],
    ["https://127.0.0.2/token", "https://127.0.0.1", false],
    ["https://other/token", "https://registry", false],
    ["http://auth.docker.io/token", "https://registry-1.docker.io", false],
    ["http://ghcr.io/token", "https://ghcr.io", false],
  ])("%s for %s: %s", (realm, registry, expected) => {
    expect(isTrustedRealm(new URL(realm), new URL(registry), [])).toBe(expected);
  });

  test.each([
    ["login.example.com", "https://login.example.com/token", true],
    ["login.example.com", "https://login.example.com:8443/token", true],
    ["login.example.com:8443", "https://login.example.com:8443/token", true],
    ["login.example.com:8443", "https://login.example.com/token", false],
    ["login.example.com", "https://sub.login.example.com/token", false],
    ["login.example.com", "http://login.example.com/token", false],
  ])("with %s listed, %s: %s", (listed, realm, expected) => {
    expect(isTrustedRealm(new URL(realm), new URL("https://registry.test"), [listed])).toBe(
      expected,
    );
  });
});

describe("RealmTrust", () => {
  const registry = new URL("https://registry.example.com");
  const kinds: Credentials[] = [
    { kind: "password", username: "ann", password: "secret word" },
    { kind: "refresh-token", token: "secret word" },
  ];

  test.each(kinds)("lets a $kind go to trusted realms", (credentials) => {
    const { log, lines } = captureLog();
    const trust = new RealmTrust({ tokenRealms: ["login.test"], log });
    for (const realm of ["https://auth.example.com/token", "https://login.test/token"]) {
      expect(trust.admit(credentials, new URL(realm), registry)).toBe(credentials);
    }
    expect(lines).toEqual([]);
  });

  test.each(kinds)("keeps a $kind from others, and warns once of each", (credentials) => {
    const { log, lines } = captureLog();
    const trust = new RealmTrust({ tokenRealms: [], log });
    for (const realm of ["https://a.test/t?x=1", "https://a.test/u", "https://b.test/t"]) {
      expect(trust.admit(credentials, new URL(realm), registry)).toBeUndefined();
    }
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('"realm":"https://a.test"');
    expect(lines.join()).not.toContain("secret word");
  });

  test("has nothing to warn of without credentials", () => {
    const { log, lines } = captureLog();
    const trust = new RealmTrust({ tokenRealms: [], log });
    expect(trust.admit(undefined, new URL("https://a.test/t"), registry)).toBeUndefined();
    expect(lines).toEqual([]);
  });
});
