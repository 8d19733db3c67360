import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  GcpSource,
  type GcpSourceOptions,
} from "../../../../src/upstream/credential-sources/gcp-source.ts";
import {
  FakeCloud,
  openCloudAccess,
  type CloudReply,
  type OpenedCloudAccess,
} from "../../../support/fake-cloud.ts";
import { fakeGoogle, fakeMetadata } from "../../../support/fake-google.ts";
import { makeTempDir, type TempDir } from "../../../support/temp-dir.ts";
import { eventually } from "../../../support/wait.ts";

const email = "puller@project.iam.gserviceaccount.com";
const metadataRoute = "GET /computeMetadata/v1/instance/service-accounts/default/token";
const minuteMs = 60_000;

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

let cloud: FakeCloud;
let opened: OpenedCloudAccess;
let dir: TempDir;

beforeEach(async () => {
  cloud = await FakeCloud.start();
  opened = openCloudAccess();
  dir = await makeTempDir();
  const audience = `${cloud.url}/token`;
  cloud.on("POST /token", fakeGoogle({ email, publicKey, audience, clock: opened.clock }));
});

afterEach(async () => {
  await opened[Symbol.asyncDispose]();
  await cloud[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

async function writeKey(fields: Record<string, unknown> = {}): Promise<string> {
  const key = {
    type: "service_account",
    client_email: email,
    private_key: pem(privateKey),
    private_key_id: "key-1",
    token_uri: "https://oauth2.googleapis.com/token",
    ...fields,
  };
  return writeText(JSON.stringify(key));
}

async function writeText(content: string): Promise<string> {
  const path = join(dir.path, "key.json");
  await writeFile(path, content);
  return path;
}

function pem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function openSource(options: Partial<GcpSourceOptions> = {}): GcpSource {
  return new GcpSource({
    ...opened.access,
    keyFile: undefined,
    services: { token: `${cloud.url}/token`, metadata: cloud.url },
    ...options,
  });
}

function password(token: string) {
  return { kind: "password", username: "oauth2accesstoken", password: token };
}

/** A renewal has the clock watch over it from its first instant. */
function isRenewing(): boolean {
  return opened.clock.sleepers > 0;
}

describe("GcpSource with a service account's key", () => {
  test("gets an access token for a signed assertion", async () => {
    const source = openSource({ keyFile: await writeKey() });
    expect(await source.get()).toEqual(password("ya29.1"));
    expect(cloud.routes).toEqual(["POST /token"]);
    expect(opened.sent).toEqual({ internet: 1, local: 0 });
  });

  test("renews five minutes before the end", async () => {
    const source = openSource({ keyFile: await writeKey() });
    await source.get();
    opened.clock.advance(55 * minuteMs - 1);
    expect(await source.get()).toEqual(password("ya29.1"));
    expect(isRenewing()).toBe(false);
    opened.clock.advance(1);
    await source.get();
    await eventually("the new token", async () => {
      const got = await source.get();
      return got.kind === "password" && got.password === "ya29.2";
    });
  });

  test("asks anew once the token was refused", async () => {
    const source = openSource({ keyFile: await writeKey() });
    source.refuse(await source.get());
    expect(await source.get()).toEqual(password("ya29.2"));
  });

  test("tells that Google refuses the key, and reads the file anew for the next try", async () => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const source = openSource({ keyFile: await writeKey({ private_key: pem(other) }) });
    await expect(source.get()).rejects.toMatchObject({
      failure: "credentials",
      message: "Google's token server: refused with status 400, invalid_grant",
    });
    await writeKey();
    opened.clock.advance(10_000);
    expect(await source.get()).toEqual(password("ya29.1"));
  });

  test.each<[string, CloudReply, object]>([
    ["is in trouble", { status: 503, body: "<html>" }, { failure: "server-error" }],
    ["sends no JSON", { body: "<html>" }, { failure: "invalid" }],
    ["sends no token", { body: { expires_in: 3599 } }, { failure: "invalid" }],
    ["sends a token with line ends", { body: { access_token: "a\r\nb" } }, { failure: "invalid" }],
    [
      "repeats what was sent",
      { status: 400, body: { error: "s3cret" } },
      { message: "Google's token server: refused with status 400" },
    ],
  ])("tells that the token server %s", async (_, reply, failure) => {
    cloud.on("POST /token", () => reply);
    const source = openSource({ keyFile: await writeKey() });
    await expect(source.get()).rejects.toMatchObject(failure);
  });

  test.each([
    ["another type", { type: "authorized_user" }, '"type" is not "service_account"'],
    ["no address", { client_email: undefined }, "has no client_email"],
    ["no key", { private_key: "" }, "has no private_key"],
    ["no PEM", { private_key: "s3cret" }, "no RSA key in PKCS #8"],
    [
      "a key of another kind",
      { private_key: pem(generateKeyPairSync("ed25519").privateKey) },
      "no RSA key in PKCS #8",
    ],
  ])("refuses a file with %s, without a word of its secret", async (_, fields, problem) => {
    const failure = await openSource({ keyFile: await writeKey(fields) })
      .get()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ failure: "credentials" });
    expect(String(failure)).toContain(problem);
    expect(String(failure)).not.toMatch(/s3cret|BEGIN/);
    expect(cloud.routes).toEqual([]);
  });

  test("refuses a file that is no JSON", async () => {
    const source = openSource({ keyFile: await writeText("{") });
    await expect(source.get()).rejects.toThrow("is no service account key");
  });

  test.each([
    "http://oauth2.googleapis.com/token",
    "https://googleapis.com.evil.example/token",
    "https://evilgoogleapis.com/token",
    "https://oauth2.googleapis.com:444/token",
    "token",
  ])("sends no assertion to a file's %s", async (uri) => {
    const source = openSource({ keyFile: await writeKey({ token_uri: uri }), services: {} });
    await expect(source.get()).rejects.toThrow("token_uri that is not https on googleapis.com");
  });
});

describe("GcpSource without a key", () => {
  test("asks the metadata server", async () => {
    cloud.on(metadataRoute, fakeMetadata(3599));
    expect(await openSource().get()).toEqual(password("ya29.m1"));
    expect(cloud.routes).toEqual([metadataRoute]);
    expect(opened.sent).toEqual({ internet: 0, local: 1 });
  });

  test("renews after three quarters of what is left of a token that the server kept", async () => {
    cloud.on(metadataRoute, fakeMetadata(240));
    const source = openSource();
    await source.get();
    opened.clock.advance(3 * minuteMs - 1);
    await source.get();
    expect(isRenewing()).toBe(false);
    opened.clock.advance(1);
    await source.get();
    await eventually("the renewal", () => cloud.routes.length === 2);
  });

  test("believes nobody else who answers there", async () => {
    cloud.on(metadataRoute, () => ({ body: { access_token: "ya29.x", expires_in: 3599 } }));
    await expect(openSource().get()).rejects.toMatchObject({
      failure: "invalid",
      message:
        'the Google metadata server: answered without "Metadata-Flavor: Google", and so is none',
    });
  });

  test("tells that the machine has no service account", async () => {
    cloud.on(metadataRoute, () => ({ status: 404, headers: { "metadata-flavor": "Google" } }));
    await expect(openSource().get()).rejects.toMatchObject({
      failure: "credentials",
      message: "the Google metadata server: refused with status 404",
    });
  });

  test("tells that there is no machine of Google to ask", async () => {
    await cloud.stop();
    await expect(openSource().get()).rejects.toMatchObject({
      failure: "credentials",
      message: "no credentials are configured, and the Google metadata server does not answer",
    });
  });
});
