import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AwsKeys } from "../../../../src/upstream/credential-sources/aws-keys.ts";
import { fetchInstanceKeys } from "../../../../src/upstream/credential-sources/aws-instance-keys.ts";
import { fakeInstance } from "../../../support/fake-aws.ts";
import { FakeCloud, openCloudAccess, type OpenedCloudAccess } from "../../../support/fake-cloud.ts";

const keys = { accessKeyId: "AKIAFAKE", secretAccessKey: "fake/secret", sessionToken: "fake==" };

let cloud: FakeCloud;
let opened: OpenedCloudAccess;

beforeEach(async () => {
  cloud = await FakeCloud.start();
  opened = openCloudAccess();
});

afterEach(async () => {
  await opened[Symbol.asyncDispose]();
  await cloud[Symbol.asyncDispose]();
});

function find(environment: Record<string, string>): Promise<AwsKeys | undefined> {
  return fetchInstanceKeys({ ...opened.access, environment }, cloud.url);
}

function serveInstance(): void {
  const routes = fakeInstance("pull", keys);
  for (const [route, answer] of Object.entries(routes)) cloud.on(route, answer);
}

describe("fetchInstanceKeys", () => {
  test("asks for a session, the role and its keys", async () => {
    serveInstance();
    expect(await find({})).toEqual(keys);
    const roles = "/latest/meta-data/iam/security-credentials/";
    expect(cloud.routes).toEqual(["PUT /latest/api/token", `GET ${roles}`, `GET ${roles}pull`]);
  });

  test("is not asked where that is forbidden", async () => {
    serveInstance();
    expect(await find({ AWS_EC2_METADATA_DISABLED: "true" })).toBeUndefined();
    expect(cloud.routes).toEqual([]);
  });

  test("does not ask without a session", async () => {
    serveInstance();
    cloud.on("PUT /latest/api/token", () => ({ status: 403 }));
    await expect(find({})).rejects.toThrow("the AWS instance endpoint: refused with status 403");
    expect(cloud.routes).toEqual(["PUT /latest/api/token"]);
  });

  test("finds nothing where the machine has no role", async () => {
    serveInstance();
    cloud.on("GET /latest/meta-data/iam/security-credentials/", () => ({ status: 404 }));
    expect(await find({})).toBeUndefined();
  });

  test.each(["../../user-data", "", "<html>"])("asks nothing for the role %j", async (role) => {
    serveInstance();
    cloud.on("GET /latest/meta-data/iam/security-credentials/", () => ({ body: role }));
    await expect(find({})).rejects.toThrow("without the name of a role");
    expect(cloud.routes).toHaveLength(2);
  });

  test("says that there are no keys for the role", async () => {
    serveInstance();
    cloud.on("GET /latest/meta-data/iam/security-credentials/pull", () => ({
      body: { Code: "AssumeRoleUnauthorizedAccess", Message: "x" },
    }));
    await expect(find({})).rejects.toThrow("has no keys for the machine's role");
  });

  test("says that there are no credentials where nothing answers", async () => {
    await cloud.stop();
    await expect(find({})).rejects.toMatchObject({
      failure: "credentials",
      message: "no credentials are configured, and the AWS instance endpoint does not answer",
    });
  });
});
