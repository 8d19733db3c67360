import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../../../support/fake-registry.ts";
import { makeImage } from "../../../support/images.ts";
import type { CredentialSource } from "../../../../src/upstream/credentials.ts";
import { UpstreamError } from "../../../../src/upstream/upstream.ts";
import { probeOne, RememberingSource } from "./probe-steps.ts";

const users = { ann: "right-password", bob: "also-right" };

async function startRegistry(
  auth: NonNullable<Parameters<typeof FakeRegistry.start>[0]>["auth"],
): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start(auth ? { auth } : {});
  registry.addImage("library/app", "latest", makeImage());
  return registry;
}

describe("the token step of a probe", () => {
  test.each(["bearer", "basic"] as const)(
    "says that %s credentials are accepted, and goes on with them",
    async (scheme) => {
      await using registry = await startRegistry({ scheme, users, anonymous: false });
      const outcome = await probeOne(registry.url, {
        sources: [new RememberingSource("ann", users.ann)],
      });
      expect(outcome.failed).toEqual([]);
      expect(outcome.messageOf("token")).toMatch(/^ann: accepted by http:/);
      expect(outcome.messageOf("blob")).toContain("ranges work");
    },
  );

  test.each(["bearer", "basic"] as const)(
    "says that %s credentials are refused, and tries nothing behind that",
    async (scheme) => {
      await using registry = await startRegistry({ scheme, users });
      const source = new RememberingSource("ann", "wrong-password");
      const outcome = await probeOne(registry.url, { sources: [source] });
      expect(outcome.failed).toEqual(["token"]);
      expect(outcome.messageOf("token")).toMatch(/^ann: .*refused the credentials; look at/);
      expect(outcome.outcomes.slice(-2)).toEqual(["manifest skipped", "blob skipped"]);
      expect(source.refusals).toBeGreaterThan(0);
      expect(registry.journal.count({ kind: "manifest" })).toBe(0);
      const told = JSON.stringify(outcome.findings) + outcome.lines.join("");
      expect(told).not.toMatch(/wrong-password|authorization/i);
    },
  );

  test("tries every account, and goes on with the first that is accepted", async () => {
    await using registry = await startRegistry({ users, anonymous: false });
    const outcome = await probeOne(registry.url, {
      sources: [new RememberingSource("ann", "wrong"), new RememberingSource("bob", users.bob)],
    });
    expect(outcome.outcomes.slice(4)).toEqual([
      "api ok",
      "token failed",
      "token ok",
      "manifest ok",
      "blob ok",
    ]);
    expect(outcome.messageOf("token")).toMatch(/^ann: .*refused.*\nbob: accepted/);
  });

  test("says that credentials are wanted where none are configured", async () => {
    await using registry = await startRegistry({ scheme: "basic", users });
    const outcome = await probeOne(registry.url);
    expect(outcome.failed).toEqual(["token"]);
    expect(outcome.messageOf("token")).toContain("none are configured; set credentials");
  });

  test("says why credentials cannot be had", async () => {
    await using registry = await startRegistry({ users });
    const source: CredentialSource = {
      name: "token file",
      get: () => Promise.reject(new UpstreamError("credentials", "there is no such file")),
      refuse: () => undefined,
    };
    const outcome = await probeOne(registry.url, { sources: [source] });
    expect(outcome.messageOf("token")).toMatch(/^token file: there is no such file; look at/);
  });

  test("keeps credentials from a foreign realm, and says how to allow it", async () => {
    await using registry = await startRegistry({ users, realmHost: "localhost" });
    const settings = { sources: [new RememberingSource("ann", users.ann)] };
    const kept = await probeOne(registry.url, settings);
    expect(kept.failed).toEqual(["token"]);
    expect(kept.messageOf("token")).toContain("not in tokenRealms; may it have them?");
    expect(registry.journal.list({ kind: "token" })).toEqual([]);
    const listed = await probeOne(registry.url, { ...settings, tokenRealms: ["localhost"] });
    expect(listed.failed).toEqual([]);
    expect(listed.messageOf("token")).toContain("ann: accepted by http://localhost:");
  });

  test("shows no credentials to an endpoint that is trusted with content only", async () => {
    await using registry = await startRegistry({ users });
    const source = new RememberingSource("ann", users.ann);
    const outcome = await probeOne(registry.url, { trust: "content", sources: [source] });
    expect(outcome.messageOf("token")).toMatch(/^an anonymous token of/);
    const [asked] = registry.journal.list({ kind: "token" });
    expect(asked?.headers.authorization).toBeUndefined();
  });

  test("checks a password also where nothing to pull is known", async () => {
    await using registry = await startRegistry({ users, anonymous: false });
    const settings = { target: undefined };
    const right = new RememberingSource("ann", users.ann);
    const wrong = new RememberingSource("ann", "wrong");
    const good = await probeOne(registry.url, { ...settings, sources: [right] });
    expect(good.messageOf("token")).toContain("ann: accepted");
    const bad = await probeOne(registry.url, { ...settings, sources: [wrong] });
    expect(bad.failed).toEqual(["token"]);
  });

  test("does not blame the registry for refusing what it only guessed", async () => {
    await using registry = await startRegistry({ users });
    registry.inject({ kind: "token" }, { status: 403 });
    const outcome = await probeOne(registry.url, { target: undefined });
    expect(outcome.failed).toEqual([]);
    expect(outcome.messageOf("token")).toContain("not to be told without a name to pull");
  });
});
