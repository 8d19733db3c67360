import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";
import {
  AcrSource,
  type AcrSourceOptions,
} from "../../../../src/upstream/credential-sources/acr-source.ts";
import { fakeAzure, type FakeAzureOptions } from "../../../support/fake-azure.ts";
import {
  FakeCloud,
  openCloudAccess,
  type CloudReply,
  type OpenedCloudAccess,
} from "../../../support/fake-cloud.ts";
import { makeTempDir, type TempDir } from "../../../support/temp-dir.ts";
import { eventually } from "../../../support/wait.ts";

const tenant = "409520d4-8100-4d1d-ad47-72432ddcc120";
const host = "contoso.azurecr.io";
const resource = "https://containerregistry.azure.net";
const loginRoute = `POST /${tenant}/oauth2/v2.0/token`;
const instanceRoute = "GET /metadata/identity/oauth2/token";
const exchangeRoute = "POST /oauth2/exchange";
const minuteMs = 60_000;

let cloud: FakeCloud;
let opened: OpenedCloudAccess;
let dir: TempDir;
let clientSecretFile: string;

beforeEach(async () => {
  cloud = await FakeCloud.start();
  opened = openCloudAccess();
  dir = await makeTempDir();
  clientSecretFile = join(dir.path, "secret");
  await writeFile(clientSecretFile, "s3cret~word\n");
});

afterEach(async () => {
  await opened[Symbol.asyncDispose]();
  await cloud[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

function serve(options: Partial<FakeAzureOptions> = {}): void {
  const routes = fakeAzure({
    tenant,
    login: { client_id: "app", client_secret: "s3cret~word", scope: `${resource}/.default` },
    instance: { "api-version": "2018-02-01", resource },
    exchange: { service: host, tenant },
    lifeSeconds: 3 * 3600,
    ...options,
  });
  for (const [route, answer] of Object.entries(routes)) cloud.on(route, answer);
}

function openSource(options: Partial<AcrSourceOptions> = {}): AcrSource {
  const { url } = cloud;
  return new AcrSource({
    ...opened.access,
    host,
    identity: { tenant, clientId: "app", clientSecretFile },
    services: { registry: url, login: url, instance: url },
    ...options,
  });
}

/** Refresh tokens are counted: which one is it? */
async function getCount(source: AcrSource): Promise<string | undefined> {
  const credentials = await source.get();
  if (credentials.kind !== "refresh-token") throw new Error(`got a ${credentials.kind}`);
  return decodeJwt(credentials.token).jti;
}

/** A renewal has the clock watch over it from its first instant. */
function isRenewing(): boolean {
  return opened.clock.sleepers > 0;
}

const noIdentity = { tenant: undefined, clientId: undefined, clientSecretFile: undefined };

describe("AcrSource", () => {
  test("exchanges a service principal's secret for a refresh token", async () => {
    serve();
    expect(await getCount(openSource())).toBe("1");
    expect(cloud.routes).toEqual([loginRoute, exchangeRoute]);
    expect(opened.sent).toEqual({ internet: 2, local: 0 });
  });

  test("shows the cluster's token where there is no secret", async () => {
    const tokenFile = join(dir.path, "token");
    await writeFile(tokenFile, "federated.token\n");
    serve({
      login: {
        client_id: "pod",
        client_assertion: "federated.token",
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        scope: `${resource}/.default`,
      },
    });
    const source = openSource({
      identity: noIdentity,
      environment: {
        AZURE_FEDERATED_TOKEN_FILE: tokenFile,
        AZURE_CLIENT_ID: "pod",
        AZURE_TENANT_ID: tenant,
      },
    });
    expect(await getCount(source)).toBe("1");
    expect(cloud.routes).toEqual([loginRoute, exchangeRoute]);
  });

  test("asks for the machine's identity where there is neither", async () => {
    serve({ exchange: { service: host } });
    expect(await getCount(openSource({ identity: noIdentity }))).toBe("1");
    expect(cloud.routes).toEqual([instanceRoute, exchangeRoute]);
    expect(opened.sent).toEqual({ internet: 1, local: 1 });
  });

  test("asks for the one of the machine's identities that is configured", async () => {
    serve({ instance: { "api-version": "2018-02-01", resource, client_id: "mine" } });
    const source = openSource({ identity: { ...noIdentity, tenant, clientId: "mine" } });
    expect(await getCount(source)).toBe("1");
  });

  test("asks for what the other clouds call a registry's token", async () => {
    serve({
      login: {
        client_id: "app",
        client_secret: "s3cret~word",
        scope: "https://management.chinacloudapi.cn/.default",
      },
      exchange: { service: "contoso.azurecr.cn", tenant },
    });
    expect(await getCount(openSource({ host: "contoso.azurecr.cn" }))).toBe("1");
  });

  test("renews five minutes before the end that the token tells", async () => {
    serve({ lifeSeconds: 3600 });
    const source = openSource();
    await source.get();
    opened.clock.advance(55 * minuteMs - 1);
    expect(await getCount(source)).toBe("1");
    expect(isRenewing()).toBe(false);
    opened.clock.advance(1);
    await source.get();
    await eventually("the new token", async () => (await getCount(source)) === "2");
  });

  test("takes an hour for granted where the token does not tell", async () => {
    serve();
    cloud.on(exchangeRoute, () => ({ body: { refresh_token: "opaque" } }));
    const source = openSource();
    await source.get();
    opened.clock.advance(55 * minuteMs - 1);
    await source.get();
    expect(isRenewing()).toBe(false);
    expect(cloud.routes).toHaveLength(2);
    opened.clock.advance(5 * minuteMs + 1);
    await source.get();
    expect(cloud.routes).toHaveLength(4);
  });

  test("asks anew once the token was refused", async () => {
    serve();
    const source = openSource();
    source.refuse(await source.get());
    expect(await getCount(source)).toBe("2");
  });
});

describe("AcrSource: what fails", () => {
  test("tells that the secret is refused by Azure's number, and nothing of the answer's text", async () => {
    serve();
    await writeFile(clientSecretFile, "another");
    await expect(openSource().get()).rejects.toMatchObject({
      failure: "credentials",
      message: "Azure's login server: refused with status 401, AADSTS7000215",
    });
    expect(cloud.routes).toEqual([loginRoute]);
  });

  test("reads the secret anew for the next try", async () => {
    serve();
    const source = openSource();
    await writeFile(clientSecretFile, "another");
    await expect(source.get()).rejects.toMatchObject({ failure: "credentials" });
    await writeFile(clientSecretFile, "s3cret~word");
    opened.clock.advance(10_000);
    expect(await getCount(source)).toBe("1");
  });

  test("tells that the machine has no such identity", async () => {
    serve();
    const source = openSource({ identity: { ...noIdentity, clientId: "none" } });
    await expect(source.get()).rejects.toMatchObject({
      failure: "credentials",
      message: "the Azure instance endpoint: refused with status 400, identity_not_found",
    });
  });

  test("tells that there is no machine of Azure to ask", async () => {
    await cloud.stop();
    await expect(openSource({ identity: noIdentity }).get()).rejects.toMatchObject({
      failure: "credentials",
      message: "no credentials are configured, and the Azure instance endpoint does not answer",
    });
  });

  test.each<[string, CloudReply, object]>([
    [
      "refuses",
      { status: 401 },
      { failure: "credentials", message: "ACR: refused with status 401" },
    ],
    ["is in trouble", { status: 502 }, { failure: "server-error" }],
    ["redirects", { status: 302, headers: { location: "/x" } }, { failure: "invalid" }],
    ["sends no token", { body: { access_token: "x" } }, { failure: "invalid" }],
    ["sends a token with spaces", { body: { refresh_token: "a b" } }, { failure: "invalid" }],
  ])("tells that the registry %s", async (_, reply, failure) => {
    serve();
    cloud.on(exchangeRoute, () => reply);
    await expect(openSource().get()).rejects.toMatchObject(failure);
    expect(cloud.routes).toEqual([loginRoute, exchangeRoute]);
  });

  test.each(["registry.example", "azurecr.io.evil.example", "contosoazurecr.io"])(
    "sends nothing on behalf of %s",
    async (other) => {
      serve();
      await expect(openSource({ host: other }).get()).rejects.toMatchObject({
        failure: "credentials",
        message: `ACR: ${other} is no registry of azurecr.io, azurecr.cn, azurecr.us`,
      });
      expect(cloud.routes).toEqual([]);
    },
  );

  test.each([
    ["a tenant", { tenant: undefined }, {}, "set tenant"],
    ["a sound tenant", { tenant: "../x" }, {}, "set tenant"],
    ["an application", { clientId: undefined }, {}, "set clientId"],
    ["an https authority", {}, { AZURE_AUTHORITY_HOST: "http://login.example" }, "no https"],
  ])("says that it wants %s", async (_, identity, environment, problem) => {
    serve();
    const source = openSource({
      identity: { tenant, clientId: "app", clientSecretFile, ...identity },
      environment,
    });
    await expect(source.get()).rejects.toThrow(problem);
    expect(cloud.routes).toEqual([]);
  });
});
