import { describe, expect, test } from "@jest/globals";
import { parseReference } from "../../../src/oci/reference.ts";
import { parseRepositoryName } from "../../../src/oci/repository-name.ts";
import { PasswordSource } from "../../../src/upstream/credential-sources/password-source.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import type { FakeAuthOptions } from "../../support/fake-registry-auth.ts";
import { makeImage } from "../../support/images.ts";
import { ManualClock } from "./manual-clock.ts";
import { app, captureLog, latest, openBlob, openUpstream, readAll } from "./open-upstream.ts";

const accounts = [account("ann", "pass:word")];
const users = { ann: "pass:word" };
const image = makeImage();

function account(username: string, password: string): PasswordSource {
  const { log } = captureLog();
  return new PasswordSource({
    username,
    password: { text: password },
    clock: new ManualClock(),
    log,
  });
}

async function startRegistry(
  auth: FakeAuthOptions,
  cdn?: { host?: string },
): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start({ auth, ...(cdn && { cdn }) });
  registry.addImage(app, "latest", image);
  return registry;
}

function scopes(registry: FakeRegistry): (string | null)[] {
  return registry.journal
    .list({ kind: "token" })
    .map(({ url }) => new URL(url, registry.url).searchParams.get("scope"));
}

describe("tokens", () => {
  test("are asked for once, and serve many requests", async () => {
    await using registry = await startRegistry({});
    await using opened = openUpstream(registry.url);
    await opened.upstream.headManifest(app, latest);
    await opened.upstream.getManifest(app, latest);
    await readAll(await openBlob(opened.upstream, image.config));
    expect(registry.journal.summary().map((line) => line.replace(/sha256:\S+/, "digest"))).toEqual([
      "HEAD manifest latest 401",
      "GET token 200",
      "HEAD manifest latest 200",
      "GET manifest latest 200",
      "GET blob digest 200",
    ]);
  });

  test("are asked for once by many requests at the same time", async () => {
    await using registry = await startRegistry({});
    await using opened = openUpstream(registry.url);
    const heads = Array.from({ length: 8 }, () => opened.upstream.headManifest(app, latest));
    await Promise.all(heads);
    expect(registry.journal.count({ kind: "token" })).toBe(1);
  });

  test("for another repository are asked for without another 401", async () => {
    await using registry = await startRegistry({});
    const other = parseRepositoryName("team/other");
    registry.addImage(other, "latest", image);
    await using opened = openUpstream(registry.url);
    await opened.upstream.headManifest(app, latest);
    await opened.upstream.headManifest(other, latest);
    expect(registry.journal.count({ status: 401 })).toBe(1);
    expect(scopes(registry)).toEqual(["repository:library/app:pull", "repository:team/other:pull"]);
  });

  test("are asked for with what the repository's own challenge says", async () => {
    await using registry = await startRegistry({});
    const own = "repository:library/app:pull,metadata_read";
    const realm = `${registry.tokenUrl}?from=challenge`;
    const challenge = `Bearer realm="${realm}",scope="${own}"`;
    registry.inject(
      { kind: "manifest", repository: app },
      {
        status: 401,
        headers: { "www-authenticate": challenge },
      },
    );
    await using opened = openUpstream(registry.url);
    await opened.upstream.headManifest(parseRepositoryName("team/other"), latest);
    await opened.upstream.headManifest(app, latest).catch(() => {});
    const [asked] = registry.journal.list({ kind: "token", status: 200 }).toReversed();
    const query = new URL(asked?.url ?? "", registry.url).searchParams;
    expect(query.get("scope")).toBe(own);
    expect(query.get("service")).toBeNull();
    expect(query.get("from")).toBe("challenge");
  });

  test("are kept for what the repository's own challenge says", async () => {
    await using registry = await startRegistry({});
    const both = "repository:library/app:pull repository:library/base:pull";
    const challenge = `Bearer realm="${registry.tokenUrl}",scope="${both}"`;
    const headers = { "www-authenticate": challenge };
    await using opened = openUpstream(registry.url);
    await opened.upstream.headManifest(parseRepositoryName("team/other"), latest);
    registry.inject({ repository: app }, { status: 401, headers, times: 1 });
    for (let count = 0; count < 3; count += 1) {
      expect(await opened.upstream.headManifest(app, latest)).toBeDefined();
    }
    expect(scopes(registry)).toEqual([
      "repository:team/other:pull",
      "repository:library/app:pull",
      both,
    ]);
  });

  test("are renewed before they run out", async () => {
    await using registry = await startRegistry({ tokenLifeMs: 60_000 });
    await using opened = openUpstream(registry.url);
    await opened.upstream.headManifest(app, latest);
    opened.clock.advance(49_000);
    await opened.upstream.headManifest(app, latest);
    expect(registry.journal.count({ kind: "token" })).toBe(1);
    opened.clock.advance(2000);
    await opened.upstream.headManifest(app, latest);
    expect(registry.journal.count({ kind: "token" })).toBe(2);
    expect(registry.journal.count({ status: 401 })).toBe(1);
  });

  test.each([
    ["without expires_in", (token: string) => ({ token })],
    ["called access_token", (token: string) => ({ access_token: token })],
    ["under both names", (token: string) => ({ token: "", access_token: token })],
  ])("%s live for 60 s", async (_, tokenBody) => {
    await using registry = await startRegistry({ tokenBody });
    await using opened = openUpstream(registry.url);
    await opened.upstream.headManifest(app, latest);
    opened.clock.advance(49_000);
    await opened.upstream.headManifest(app, latest);
    expect(registry.journal.count({ kind: "token" })).toBe(1);
    opened.clock.advance(2000);
    await opened.upstream.headManifest(app, latest);
    expect(registry.journal.count({ kind: "token" })).toBe(2);
  });

  test("that are refused in the middle of their life are renewed once", async () => {
    await using registry = await startRegistry({});
    await using opened = openUpstream(registry.url);
    await opened.upstream.headManifest(app, latest);
    registry.revokeTokens();
    const remote = await openBlob(opened.upstream, image.config);
    expect((await readAll(remote)).equals(image.config.bytes)).toBe(true);
    expect(registry.journal.count({ kind: "token" })).toBe(2);
  });

  test("that are refused when they are new mean denied, with no further try", async () => {
    await using registry = await startRegistry({});
    registry.inject({ kind: "manifest" }, { status: 401 });
    await using opened = openUpstream(registry.url);
    await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
      failure: "denied",
    });
    expect(opened.clock.sleeps).toEqual([]);
  });

  test.each([
    ["not JSON", "<html>", "invalid"],
    ["JSON without a token", "{}", "invalid"],
    ["JSON that is no object", "null", "invalid"],
    ["a token with a line feed", '{"token":"a\\nb"}', "invalid"],
    ["endless", `{"token":"t","padding":"${"a".repeat(1_100_000)}"}`, "invalid"],
  ])("are not taken from an answer that is %s", async (_, body, failure) => {
    await using registry = await startRegistry({});
    registry.inject({ kind: "token" }, { body });
    await using opened = openUpstream(registry.url);
    await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({ failure });
  });

  test("are asked for where the token server redirects to", async () => {
    await using registry = await startRegistry({});
    registry.inject(
      { kind: "token" },
      { times: 1, status: 302, headers: { location: "/token?scope=repository:library/app:pull" } },
    );
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.headManifest(app, latest)).toBeDefined();
  });

  test.each([
    [429, "rate-limited"],
    [503, "server-error"],
    [401, "denied"],
    [403, "denied"],
    [418, "invalid"],
  ])(
    "that a token server refuses nobody in particular with %i mean %s",
    async (status, failure) => {
      await using registry = await startRegistry({});
      registry.inject({ kind: "token" }, { status });
      await using opened = openUpstream(registry.url);
      await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({ failure });
    },
  );
});

describe("credentials", () => {
  test("are sent to the token server, and to nothing else", async () => {
    await using registry = await startRegistry({ anonymous: false, users }, {});
    await using opened = openUpstream(registry.url, { accounts });
    await opened.upstream.headManifest(app, latest);
    await readAll(await openBlob(opened.upstream, image.config));
    const withBasic = registry.journal.list(({ headers }) =>
      Boolean(headers.authorization?.startsWith("Basic ")),
    );
    expect(withBasic.map(({ server }) => server)).toEqual(["token"]);
    expect(withBasic[0]?.url).toContain("account=ann");
    expect(registry.journal.count({ server: "cdn" })).toBe(1);
    const cdnHeaders = registry.journal.list({ server: "cdn" }).map(({ headers }) => headers);
    for (const headers of cdnHeaders) expect(headers.authorization).toBeUndefined();
  });

  test("that the token server refuses mean credentials", async () => {
    await using registry = await startRegistry({ users });
    const wrong = [account("ann", "wrong")];
    await using opened = openUpstream(registry.url, { accounts: wrong });
    await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
      failure: "credentials",
    });
    expect(registry.journal.count({ kind: "token" })).toBe(1);
  });

  test("go to a registry that wants them itself, from the second request on unasked", async () => {
    await using registry = await startRegistry({ scheme: "basic", users }, {});
    await using opened = openUpstream(registry.url, { accounts });
    await opened.upstream.headManifest(app, latest);
    await readAll(await openBlob(opened.upstream, image.config));
    expect(registry.journal.count({ status: 401 })).toBe(1);
    const cdn = registry.journal.list({ server: "cdn" });
    expect(cdn.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  test("that the registry itself refuses mean credentials, each time anew", async () => {
    await using registry = await startRegistry({ scheme: "basic", users });
    const wrong = [account("ann", "wrong")];
    await using opened = openUpstream(registry.url, { accounts: wrong });
    for (let round = 0; round < 2; round += 1) {
      await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
        failure: "credentials",
      });
    }
    expect(registry.journal.count()).toBe(3);
  });

  test("that are wanted and not there mean denied", async () => {
    await using registry = await startRegistry({ scheme: "basic", users });
    await using opened = openUpstream(registry.url);
    await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
      failure: "denied",
    });
  });

  test("are kept from a realm on another host, which is asked as nobody", async () => {
    await using registry = await startRegistry({ users, realmHost: "localhost" });
    await using opened = openUpstream(registry.url, { accounts });
    expect(await opened.upstream.headManifest(app, latest)).toBeDefined();
    const [asked] = registry.journal.list({ kind: "token" });
    expect(asked?.headers.authorization).toBeUndefined();
    expect(asked?.url).not.toContain("ann");
    const warnings = opened.lines.filter((line) => line.includes("tokenRealms"));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("http://localhost:");
  });

  test("go to a realm on another host that is listed", async () => {
    await using registry = await startRegistry({
      anonymous: false,
      users,
      realmHost: "localhost",
    });
    await using opened = openUpstream(registry.url, { accounts, tokenRealms: ["localhost"] });
    expect(await opened.upstream.headManifest(app, latest)).toBeDefined();
  });

  test("do not follow where the token server redirects to", async () => {
    await using registry = await startRegistry({ anonymous: false, users });
    const location = `${registry.cdnUrl}/elsewhere`;
    registry.inject({ kind: "token" }, { status: 307, headers: { location } });
    await using opened = openUpstream(registry.url, { accounts });
    await expect(opened.upstream.headManifest(app, latest)).rejects.toThrow("status 404");
    const elsewhere = registry.journal.list({ server: "cdn" });
    expect(elsewhere.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  test("and tokens and signed queries are in no log line and no error, whatever fails", async () => {
    await using registry = await startRegistry({ users, realmHost: "localhost" }, {});
    const secrets = ["pass:word", "YW5uOn", "signature=", "token-of-great-secrecy"];
    const faults = [
      { kind: "token" as const, fault: { body: '{"token":"token-of-great-secrecy' } },
      { kind: "token" as const, fault: { status: 500 } },
      { kind: "blob" as const, fault: { cutAfter: 10 } },
      { kind: "blob" as const, fault: { status: 403 } },
      {
        kind: "redirect" as const,
        fault: { status: 307, headers: { location: "http://[bad/?signature=1" } },
      },
      {
        kind: "redirect" as const,
        fault: { status: 307, headers: { location: "http://127.0.0.1:1/?signature=1" } },
      },
    ];
    for (const { kind, fault } of faults) {
      await using opened = openUpstream(registry.url, { accounts });
      const injected = registry.inject({ kind }, fault);
      const error = await openBlob(opened.upstream, image.config).then(readAll).catch(String);
      expect(typeof error).toBe("string");
      expect(injected.hits).toBeGreaterThan(0);
      injected.remove();
      for (const secret of secrets) {
        expect(opened.lines.join("\n")).not.toContain(secret);
        expect(error).not.toContain(secret);
      }
      expect(opened.lines.length).toBeGreaterThan(0);
    }
  });
});

describe("a token server that is away", () => {
  test("makes the endpoint rest like one that is away itself", async () => {
    await using registry = await startRegistry({});
    await using opened = openUpstream(registry.url);
    await opened.upstream.headManifest(app, latest);
    await registry.stop("token");
    const other = parseRepositoryName("team/other");
    for (let round = 0; round < 2; round += 1) {
      await expect(opened.upstream.headManifest(other, latest)).rejects.toMatchObject({
        failure: "unreachable",
      });
    }
    const before = registry.journal.count();
    await expect(opened.upstream.headManifest(other, parseReference("other"))).rejects.toThrow(
      "not asked",
    );
    expect(registry.journal.count()).toBe(before);
  });
});
