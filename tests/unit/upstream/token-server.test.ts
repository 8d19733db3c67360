import { describe, expect, test } from "@jest/globals";
import { serializeError } from "../../../src/serialize-error.ts";
import type { Credentials } from "../../../src/upstream/credentials.ts";
import { fetchToken } from "../../../src/upstream/token-server.ts";
import { ManualClock } from "./manual-clock.ts";
import { never } from "./open-upstream.ts";
import { startTokenRealm, type TokenRealm } from "./token-realm.ts";

const scope = "repository:team/app:pull";
const password: Credentials = { kind: "password", username: "ann", password: "pass:word" };
const refresh: Credentials = { kind: "refresh-token", token: "refresh.secret" };

function ask(realm: TokenRealm, credentials?: Credentials, service: string | undefined = "reg") {
  return fetchToken(
    { realm: `${realm.url}?from=challenge`, service, scope },
    {
      transport: realm.transport,
      credentialsFor: () => credentials,
      clock: new ManualClock(),
      signal: never,
    },
  );
}

describe("fetchToken", () => {
  test.each([
    ["as nobody", undefined, undefined, {}],
    ["with a password", password, "Basic YW5uOnBhc3M6d29yZA==", { account: "ann" }],
  ])("asks %s by GET", async (_, credentials, authorization, more) => {
    await using realm = await startTokenRealm(() => ({ body: { token: "t", expires_in: 300 } }));
    expect(await ask(realm, credentials)).toEqual({ token: "t", lifeMs: 300_000 });
    const query = { from: "challenge", service: "reg", scope, ...more };
    expect(realm.questions).toEqual([{ method: "GET", authorization, query, form: {} }]);
  });

  test("exchanges a refresh token by POST, which shows in no address", async () => {
    const body = { access_token: "t", expires_in: 300 };
    await using realm = await startTokenRealm(() => ({ body }));
    expect(await ask(realm, refresh)).toEqual({ token: "t", lifeMs: 300_000 });
    const form = {
      grant_type: "refresh_token",
      service: "reg",
      client_id: "entrepot",
      scope,
      refresh_token: "refresh.secret",
    };
    const query = { from: "challenge" };
    expect(realm.questions).toEqual([{ method: "POST", authorization: undefined, query, form }]);
  });

  test.each([
    ["called token, without its life", { token: "t" }],
    ["called access_token, without its life", { access_token: "t" }],
  ])("takes one %s, as good for a minute", async (_, body) => {
    await using realm = await startTokenRealm(() => ({ body }));
    expect(await ask(realm, refresh)).toEqual({ token: "t", lifeMs: 60_000 });
  });

  test.each([404, 405])("tells that POST is not understood, after a %i", async (status) => {
    await using realm = await startTokenRealm(() => ({ status }));
    await expect(ask(realm, refresh)).rejects.toMatchObject({
      failure: "credentials",
      message: expect.stringMatching(`takes no refresh tokens \\(status ${status} to POST\\)`),
    });
  });

  test.each([
    ["password", password, 401, "credentials"],
    ["password", password, 403, "denied"],
    ["password", password, 400, "invalid"],
    ["refresh token", refresh, 401, "credentials"],
    ["refresh token", refresh, 400, "credentials"],
    ["refresh token", refresh, 403, "denied"],
    ["refresh token", refresh, 503, "server-error"],
    ["nothing", undefined, 401, "denied"],
  ])("with a %s (%j) takes %i for %s", async (_, credentials, status, failure) => {
    const body = { error_description: "refresh.secret is not good" };
    await using realm = await startTokenRealm(() => ({ status, body }));
    const error: unknown = await ask(realm, credentials).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ failure });
    expect(JSON.stringify(serializeError(error))).not.toMatch(/refresh\.secret|pass:word/);
  });

  test("does not follow where a POST is redirected to, with the refresh token in its hands", async () => {
    await using elsewhere = await startTokenRealm(() => ({ body: { token: "t" } }));
    const headers = { location: elsewhere.url };
    await using realm = await startTokenRealm(() => ({ status: 307, headers }));
    await expect(ask(realm, refresh)).rejects.toMatchObject({ failure: "invalid" });
    expect(elsewhere.questions).toEqual([]);
  });

  test("shows a token for the registry to no token server", async () => {
    await using realm = await startTokenRealm(() => ({ body: { token: "t" } }));
    await ask(realm, { kind: "bearer", token: "bearer.secret" });
    expect(JSON.stringify(realm.questions)).not.toContain("bearer.secret");
  });
});
