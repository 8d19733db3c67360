import { describe, expect, test } from "@jest/globals";
import {
  parseDockerConfigLogin,
  type DockerConfigLogin,
} from "../../../../src/upstream/credential-sources/docker-config-login.ts";

const hub = "https://index.docker.io/v1/";

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function parse(config: unknown, host = "ghcr.io"): DockerConfigLogin {
  return parseDockerConfigLogin(JSON.stringify(config), host);
}

function user(username: string) {
  return { auth: base64(`${username}:pass:word`) };
}

function usernameFor(auths: object, host?: string): string | undefined {
  const { stored } = parse({ auths }, host);
  return stored?.kind === "password" ? stored.username : undefined;
}

describe("parseDockerConfigLogin", () => {
  test("reads user name and password", () => {
    expect(parse({ auths: { "ghcr.io": user("ann") } })).toEqual({
      helper: undefined,
      stored: { kind: "password", username: "ann", password: "pass:word" },
    });
  });

  test.each([
    ["base64 that ends with zeros", { auth: base64("ann:pass\0\0") }, "pass"],
    ["fields of their own", { username: "ann", password: "pass" }, "pass"],
  ])("reads them from %s", (_, entry, password) => {
    expect(parse({ auths: { "ghcr.io": entry } }).stored).toEqual({
      kind: "password",
      username: "ann",
      password,
    });
  });

  test("prefers a token for the registry, then one for the token server, to a password", () => {
    const all = { ...user("ann"), identitytoken: "refresh", registrytoken: "bearer" };
    const { registrytoken: _registry, ...two } = all;
    expect(parse({ auths: { "ghcr.io": all } }).stored).toEqual({
      kind: "bearer",
      token: "bearer",
    });
    expect(parse({ auths: { "ghcr.io": two } }).stored).toEqual({
      kind: "refresh-token",
      token: "refresh",
    });
  });

  test.each([
    ["ghcr.io", "ghcr.io"],
    ["https://ghcr.io", "ghcr.io"],
    ["https://ghcr.io/v2/", "ghcr.io"],
    ["GHCR.io/", "ghcr.io"],
    ["http://localhost:5000", "localhost:5000"],
    [hub, "docker.io"],
    ["docker.io", "docker.io"],
    ["index.docker.io", "docker.io"],
    ["registry-1.docker.io", "docker.io"],
  ])("finds %s for %s", (key, host) => {
    expect(usernameFor({ "other.test": user("eve"), [key]: user("ann") }, host)).toBe("ann");
  });

  test.each([
    ["ghcr.io.evil.test", "ghcr.io"],
    ["https://evil.test/ghcr.io", "ghcr.io"],
    ["evil.test", "ghcr.io"],
    ["localhost", "localhost:5000"],
    [hub, "ghcr.io"],
    ["__proto__", "ghcr.io"],
  ])("does not take %s for %s", (key, host) => {
    expect(usernameFor(JSON.parse(`{"${key}":{"auth":"${base64("eve:pass")}"}}`), host)).toBe(
      undefined,
    );
  });

  test("prefers the key that docker writes, then the bare host, whatever their order", () => {
    const entries = { "https://ghcr.io/v1/": user("old"), "ghcr.io": user("ann") };
    expect(usernameFor(entries)).toBe("ann");
    expect(usernameFor({ "docker.io": user("other"), [hub]: user("ann") }, "docker.io")).toBe(
      "ann",
    );
  });

  test.each([
    ["nothing", {}],
    ["a list", []],
    ["null", null],
    ["auths that are text", { auths: "ghcr.io" }],
    ["a place without credentials", { auths: { "ghcr.io": {} } }],
    ["a place that is null", { auths: { "ghcr.io": null } }],
    ["half of it", { auths: { "ghcr.io": { username: "ann" } } }],
    ["no helper", { credsStore: "", credHelpers: { "other.test": "pass" } }],
  ])("finds none in a file that holds %s", (_, config) => {
    expect(parse(config)).toEqual({ helper: undefined, stored: undefined });
  });

  test("names the registry's own helper, and else the store", () => {
    const config = {
      credsStore: "desktop",
      credHelpers: { "https://eu.gcr.io": "gcloud", "index.docker.io": "hub" },
    };
    expect(parse(config, "eu.gcr.io").helper).toEqual({ name: "gcloud", server: "eu.gcr.io" });
    expect(parse(config, "docker.io").helper).toEqual({ name: "hub", server: hub });
    expect(parse(config).helper).toEqual({ name: "desktop", server: "ghcr.io" });
  });

  test.each(["../evil", "a b", "é", "$(id)", "a".repeat(101), 7])(
    "refuses a helper of the name %j",
    (name) => {
      expect(() => parse({ credHelpers: { "ghcr.io": name } })).toThrow("is no name");
    },
  );

  test.each([
    ["is no base64", { auth: "%%%" }],
    ["has no colon", { auth: base64("secret-word") }],
    ["has no user", { auth: base64(":secret-word") }],
    ["has no password", { auth: base64("secret-word:") }],
    ["is a token with a line feed", { identitytoken: "secret-word\nx" }],
  ])("refuses what %s, without a word of it", (_, entry) => {
    const attempt = () => parse({ auths: { "ghcr.io": entry } });
    expect(attempt).toThrow(/^holds /);
    expect(attempt).not.toThrow("secret-word");
  });

  test("refuses what is not JSON, without a word of it", () => {
    const text = '{"auth": secret-word';
    const attempt = () => parseDockerConfigLogin(text, "ghcr.io");
    expect(attempt).toThrow("is not JSON");
    expect(attempt).not.toThrow("secret-word");
  });

  test("does not mind what is wrong with other registries", () => {
    const auths = { "other.test": { auth: "%%%" }, "ghcr.io": user("ann") };
    expect(parse({ auths, credHelpers: { "other.test": "../evil" } }).stored).toMatchObject({
      username: "ann",
    });
  });
});
