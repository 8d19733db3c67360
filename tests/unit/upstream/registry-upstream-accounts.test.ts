import { describe, expect, test } from "@jest/globals";
import type { CredentialSource } from "../../../src/upstream/credentials.ts";
import { UpstreamError } from "../../../src/upstream/upstream.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import type { Fault } from "../../support/fake-registry-faults.ts";
import type { JournalEntry } from "../../support/fake-registry-journal.ts";
import { makeImage } from "../../support/images.ts";
import { app, latest, openBlob, openUpstream, passwordSource } from "./open-upstream.ts";

const image = makeImage();
const users = { ann: "one", bob: "two" };
const accounts = [passwordSource("ann", "one"), passwordSource("bob", "two")];

async function startRegistry(): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start({ auth: { scheme: "basic", users } });
  registry.addImage(app, "latest", image);
  return registry;
}

function injectFor(registry: FakeRegistry, user: keyof typeof users, fault: Fault) {
  const secret = Buffer.from(`${user}:${users[user]}`).toString("base64");
  const match = ({ headers }: JournalEntry) => headers.authorization === `Basic ${secret}`;
  return registry.inject(match, fault);
}

function budgetHeaders(remaining: number): Record<string, string> {
  return { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": `${remaining};w=21600` };
}

describe("several accounts", () => {
  test("are used by what is left of their limits", async () => {
    await using registry = await startRegistry();
    const ann = injectFor(registry, "ann", { headers: budgetHeaders(50) });
    const bob = injectFor(registry, "bob", { headers: budgetHeaders(70) });
    await using opened = openUpstream(registry.url, { accounts });
    for (let count = 0; count < 4; count += 1) await opened.upstream.headManifest(app, latest);
    expect([ann.hits, bob.hits]).toEqual([1, 3]);
    expect(opened.upstream.budget).toMatchObject({ limit: 100, remaining: 70 });
    expect(opened.upstream.describe().accounts).toMatchObject([
      { name: "ann", budget: { remaining: 50 } },
      { name: "bob", budget: { remaining: 70 } },
    ]);
  });

  test("take over from one that is rate-limited, in the same request", async () => {
    await using registry = await startRegistry();
    const ann = injectFor(registry, "ann", { status: 429 });
    await using opened = openUpstream(registry.url, { accounts });
    expect(await opened.upstream.headManifest(app, latest)).toBeDefined();
    expect(await opened.upstream.headManifest(app, latest)).toBeDefined();
    expect(ann.hits).toBe(1);
    expect(opened.clock.sleeps).toEqual([]);
    expect(opened.lines).toEqual([]);
    const [resting, other] = opened.upstream.describe().accounts;
    expect(resting?.restsUntil).toBeGreaterThan(opened.clock.now());
    expect(other?.restsUntil).toBeUndefined();
  });

  test("that are all rate-limited fail the request, each asked once", async () => {
    await using registry = await startRegistry();
    const ann = injectFor(registry, "ann", { status: 429, headers: { "retry-after": "60" } });
    const bob = injectFor(registry, "bob", { status: 429, headers: { "retry-after": "90" } });
    await using opened = openUpstream(registry.url, { accounts });
    await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
      failure: "rate-limited",
      retryAfterMs: 90_000,
    });
    expect([ann.hits, bob.hits]).toEqual([1, 1]);
  });

  test("take over from one whose credentials are not to be had", async () => {
    const broken: CredentialSource = {
      name: "broken",
      get: () => Promise.reject(new UpstreamError("credentials", "the file is gone")),
      refuse: () => undefined,
    };
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url, {
      accounts: [broken, passwordSource("ann", "one")],
    });
    expect(await opened.upstream.headManifest(app, latest)).toBeDefined();
    expect(opened.clock.sleeps).toEqual([]);
  });

  test("take over from one whose service is away, which is not held against the registry", async () => {
    const away: CredentialSource = {
      name: "away",
      get: () => Promise.reject(new UpstreamError("unreachable", "the cloud is away")),
      refuse: () => undefined,
    };
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url, {
      accounts: [away, passwordSource("ann", "one")],
    });
    for (let count = 0; count < 10; count += 1) {
      expect(await opened.upstream.headManifest(app, latest)).toBeDefined();
      opened.clock.advance(60_000);
    }
    expect(opened.clock.sleeps).toEqual([]);
    expect(opened.upstream.describe().endpoints).toMatchObject([{ state: "ok", failures: 0 }]);
  });

  test("whose only service is away fail the request, and the endpoint goes on being asked", async () => {
    let isAway = true;
    const flaky: CredentialSource = {
      name: "flaky",
      get: async () => {
        if (isAway) throw new UpstreamError("timeout", "the cloud is away");
        return { kind: "password", username: "ann", password: "one" };
      },
      refuse: () => undefined,
    };
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url, { accounts: [flaky] });
    for (let count = 0; count < 10; count += 1) {
      await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
        failure: "credentials",
      });
    }
    isAway = false;
    expect(await opened.upstream.headManifest(app, latest)).toBeDefined();
  });

  test("may have other rights: where one is denied another is asked, and asked first then", async () => {
    await using registry = await startRegistry();
    const ann = injectFor(registry, "ann", { status: 403 });
    const bob = injectFor(registry, "bob", {});
    await using opened = openUpstream(registry.url, { accounts });
    const ask = () => opened.upstream.listTags(app, new URLSearchParams());
    for (let count = 0; count < 5; count += 1) expect(await ask()).toBeDefined();
    expect([ann.hits, bob.hits]).toEqual([1, 5]);
    opened.clock.advance(5 * 60_000);
    expect(await ask()).toBeDefined();
    expect([ann.hits, bob.hits]).toEqual([2, 6]);
  });

  test("that are all denied are not all asked again at once", async () => {
    await using registry = await startRegistry();
    const ann = injectFor(registry, "ann", { status: 403 });
    const bob = injectFor(registry, "bob", { status: 403 });
    await using opened = openUpstream(registry.url, { accounts });
    const query = new URLSearchParams();
    for (let count = 0; count < 4; count += 1) {
      await expect(opened.upstream.listTags(app, query)).rejects.toMatchObject({
        failure: "denied",
      });
    }
    expect([ann.hits, bob.hits]).toEqual([4, 1]);
  });

  test("do not count what the place answers that content is redirected to", async () => {
    await using registry = await FakeRegistry.start({ cdn: {} });
    registry.addBlob(app, image.config);
    registry.inject({ server: "cdn" }, { headers: budgetHeaders(1) });
    registry.inject({ server: "cdn" }, { status: 429, times: 1 });
    await using opened = openUpstream(registry.url);
    (await openBlob(opened.upstream, image.config)).close();
    expect(opened.upstream.budget).toBeUndefined();
    expect(opened.upstream.describe().accounts).toEqual([
      { name: "anonymous", budget: undefined, restsUntil: undefined },
    ]);
  });
});
