import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AwsKeys } from "../../../../src/upstream/credential-sources/aws-keys.ts";
import { assumeRoleWithWebIdentity } from "../../../../src/upstream/credential-sources/aws-web-identity.ts";
import { fakeSts } from "../../../support/fake-aws.ts";
import { FakeCloud, openCloudAccess, type OpenedCloudAccess } from "../../../support/fake-cloud.ts";
import { makeTempDir, type TempDir } from "../../../support/temp-dir.ts";

const keys = { accessKeyId: "AKIAFAKE", secretAccessKey: "fake/secret", sessionToken: "fake==" };

let cloud: FakeCloud;
let opened: OpenedCloudAccess;
let dir: TempDir;

beforeEach(async () => {
  cloud = await FakeCloud.start();
  opened = openCloudAccess();
  dir = await makeTempDir();
});

afterEach(async () => {
  await opened[Symbol.asyncDispose]();
  await cloud[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

function find(environment: Record<string, string>): Promise<AwsKeys | undefined> {
  return assumeRoleWithWebIdentity({ ...opened.access, environment }, cloud.url);
}

/** The file's path. */
async function write(name: string, content: string): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, content);
  return path;
}

describe("assumeRoleWithWebIdentity", () => {
  const role = "arn:aws:iam::123456789012:role/pull";

  test("assumes the role with the file's token", async () => {
    cloud.on("POST /", fakeSts(keys));
    const path = await write("token", "web.identity.token\n");
    const found = await find({ AWS_WEB_IDENTITY_TOKEN_FILE: path, AWS_ROLE_ARN: role });
    expect(found).toEqual(keys);
    expect(Object.fromEntries(cloud.journal[0]?.form ?? [])).toEqual({
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: role,
      RoleSessionName: "entrepot",
      WebIdentityToken: "web.identity.token",
    });
  });

  test("says that STS refuses, and how", async () => {
    cloud.on("POST /", () => ({
      status: 400,
      body: "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>web.identity.token</Message></Error></ErrorResponse>",
    }));
    const path = await write("token", "web.identity.token");
    await expect(
      find({ AWS_WEB_IDENTITY_TOKEN_FILE: path, AWS_ROLE_ARN: role }),
    ).rejects.toMatchObject({
      failure: "credentials",
      message: "AWS STS: refused with status 400, InvalidIdentityToken",
    });
  });

  test.each(["", "<Credentials>", "<Credentials></Credentials>", '{"Credentials":{}}'])(
    "makes no keys of the answer %j",
    async (body) => {
      cloud.on("POST /", () => ({ body }));
      const path = await write("token", "web.identity.token");
      await expect(
        find({ AWS_WEB_IDENTITY_TOKEN_FILE: path, AWS_ROLE_ARN: role }),
      ).rejects.toMatchObject({ failure: "credentials" });
    },
  );

  test("finds nothing where the environment names no token", async () => {
    expect(await find({ AWS_ROLE_ARN: role })).toBeUndefined();
  });

  test("says that the role is missing", async () => {
    const path = await write("token", "web.identity.token");
    await expect(find({ AWS_WEB_IDENTITY_TOKEN_FILE: path })).rejects.toThrow("AWS_ROLE_ARN");
  });
});
