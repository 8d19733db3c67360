import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  EcrSource,
  type EcrSourceOptions,
} from "../../../../src/upstream/credential-sources/ecr-source.ts";
import { fakeEcr, type FakeEcrOptions } from "../../../support/fake-aws.ts";
import {
  FakeCloud,
  openCloudAccess,
  type CloudReply,
  type OpenedCloudAccess,
} from "../../../support/fake-cloud.ts";
import { eventually } from "../../../support/wait.ts";

const host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const keys = { accessKeyId: "AKIAFAKE", secretAccessKey: "fake/secret+key" };
const environment = {
  AWS_ACCESS_KEY_ID: keys.accessKeyId,
  AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
};
const hourMs = 60 * 60_000;

let cloud: FakeCloud;
let opened: OpenedCloudAccess;

beforeEach(async () => {
  cloud = await FakeCloud.start();
  opened = openCloudAccess(environment);
  serveEcr();
});

afterEach(async () => {
  await opened[Symbol.asyncDispose]();
  await cloud[Symbol.asyncDispose]();
});

function serveEcr(options: Partial<FakeEcrOptions> = {}): void {
  const { clock } = opened;
  cloud.on("POST /", fakeEcr({ keys, region: "eu-central-1", clock, ...options }));
}

function openSource(options: Partial<EcrSourceOptions> = {}): EcrSource {
  return new EcrSource({
    ...opened.access,
    host,
    region: undefined,
    keys: {
      accessKeyId: undefined,
      secretAccessKeyFile: undefined,
      credentialsFile: undefined,
      profile: undefined,
    },
    services: { ecr: cloud.url, sts: cloud.url, container: cloud.url, instance: cloud.url },
    ...options,
  });
}

function password(text: string) {
  return { kind: "password", username: "AWS", password: text };
}

/** A renewal has the clock watch over it from its first instant. */
function isRenewing(): boolean {
  return opened.clock.sleepers > 0;
}

describe("EcrSource", () => {
  test("gets a password for a request that is signed right", async () => {
    const source = openSource();
    expect(await source.get()).toEqual(password("p1"));
    expect(cloud.journal).toMatchObject([
      {
        headers: {
          "content-type": "application/x-amz-json-1.1",
          "x-amz-target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
        },
        body: "{}",
      },
    ]);
    expect(source.name).toBe("ECR");
  });

  test("signs for the session that keys belong to", async () => {
    const session = { ...environment, AWS_SESSION_TOKEN: "fake-session==" };
    serveEcr({ keys: { ...keys, sessionToken: "fake-session==" } });
    const source = openSource({ environment: session });
    expect(await source.get()).toEqual(password("p1"));
  });

  test("signs for the configured region", async () => {
    serveEcr({ region: "us-west-2" });
    const source = openSource({ host: "registry.example", region: "us-west-2" });
    expect(await source.get()).toEqual(password("p1"));
  });

  test("asks the other API for public repositories", async () => {
    serveEcr({ service: "ecr-public", region: "us-east-1" });
    const source = openSource({ host: "public.ecr.aws" });
    expect(await source.get()).toEqual(password("p1"));
    expect(cloud.journal[0]?.headers["x-amz-target"]).toBe(
      "SpencerFrontendService.GetAuthorizationToken",
    );
  });

  test.each([
    ["twelve hours, as none are told", undefined, 6 * hourMs],
    ["four hours, as told", 4 * 3600, 2 * hourMs],
    ["no more than twelve hours, whatever is told", 1e9, 6 * hourMs],
  ])("renews at half of %s", async (_, lifeSeconds, halfMs) => {
    if (lifeSeconds !== undefined) serveEcr({ lifeSeconds });
    const source = openSource();
    await source.get();
    opened.clock.advance(halfMs - 1);
    expect(await source.get()).toEqual(password("p1"));
    expect(isRenewing()).toBe(false);
    opened.clock.advance(1);
    await source.get();
    const newer = password("p2");
    await eventually("the new password", async () => {
      const got = await source.get();
      return got.kind === "password" && got.password === newer.password;
    });
    expect(cloud.routes).toHaveLength(2);
  });

  test("does not ask again and again where the clocks differ", async () => {
    serveEcr({ lifeSeconds: -3600 });
    const source = openSource();
    await source.get();
    await source.get();
    expect(cloud.routes).toHaveLength(1);
  });

  test("asks anew once the password was refused", async () => {
    const source = openSource();
    source.refuse(await source.get());
    expect(await source.get()).toEqual(password("p2"));
  });

  test("says that the keys are refused, and how", async () => {
    serveEcr({ keys: { ...keys, secretAccessKey: "another" } });
    await expect(openSource().get()).rejects.toMatchObject({
      failure: "credentials",
      message: "ECR: refused with status 400, InvalidSignatureException",
    });
  });

  test.each<[string, CloudReply, object]>([
    [
      "an error with a namespace",
      { status: 400, body: { __type: "com.amazon.coral#ExpiredTokenException" } },
      { failure: "credentials", message: "ECR: refused with status 400, ExpiredTokenException" },
    ],
    [
      "throttling",
      { status: 400, body: { __type: "ThrottlingException" } },
      { failure: "rate-limited" },
    ],
    [
      "too many requests",
      { status: 429, headers: { "retry-after": "7" } },
      { failure: "rate-limited", retryAfterMs: 7000 },
    ],
    ["trouble", { status: 503, body: "<html>" }, { failure: "server-error" }],
    ["a redirect", { status: 307, headers: { location: "/other" } }, { failure: "invalid" }],
    ["no JSON", { body: "<html>" }, { failure: "invalid" }],
    ["no token", { body: { authorizationData: [] } }, { failure: "invalid" }],
    [
      "a token that is none",
      { body: { authorizationData: [{ authorizationToken: "QVdT" }] } },
      { failure: "invalid", message: "ECR: answered without a token" },
    ],
    ["too much", { body: "x".repeat(70_000) }, { failure: "invalid" }],
  ])("tells of %s", async (_, reply, failure) => {
    cloud.on("POST /", () => reply);
    await expect(openSource().get()).rejects.toMatchObject(failure);
    expect(cloud.routes).toEqual(["POST /"]);
  });

  test("repeats nothing of an error that is no plain name", async () => {
    cloud.on("POST /", ({ headers }) => ({
      status: 403,
      body: { __type: headers.authorization, message: headers.authorization },
    }));
    await expect(openSource().get()).rejects.toMatchObject({
      message: "ECR: refused with status 403",
    });
  });

  test("tells that nothing answers", async () => {
    await cloud.stop();
    await expect(openSource().get()).rejects.toMatchObject({ failure: "unreachable" });
  });

  test("goes on with the password at hand while ECR is away, and logs no secret", async () => {
    const source = openSource();
    await source.get();
    await cloud.stop();
    opened.clock.advance(6 * hourMs);
    expect(await source.get()).toEqual(password("p1"));
    const line = await eventually("the warning", () => opened.lines[0]);
    expect(line).toContain("could not be renewed");
    expect(line).not.toMatch(/p1|fake\/secret/);
    opened.clock.advance(6 * hourMs);
    await expect(source.get()).rejects.toMatchObject({ failure: "unreachable" });
  });

  test.each([
    ["an access key id", { ...environment, AWS_ACCESS_KEY_ID: "AKIA\nX: y" }],
    ["a secret key", { ...environment, AWS_SECRET_ACCESS_KEY: "s3cr\net" }],
    ["a session token", { ...environment, AWS_SESSION_TOKEN: "s3cr\net" }],
  ])("sends nothing with %s that no header may hold, and does not repeat it", async (_, given) => {
    const failure = await openSource({ environment: given })
      .get()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ failure: "credentials" });
    expect(String(failure)).not.toMatch(/s3cr|AKIA/);
    expect(cloud.routes).toEqual([]);
  });
});
