import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AwsKeys } from "../../../../src/upstream/credential-sources/aws-keys.ts";
import { fetchContainerKeys } from "../../../../src/upstream/credential-sources/aws-container-keys.ts";
import { endpointKeys } from "../../../support/fake-aws.ts";
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
  return fetchContainerKeys({ ...opened.access, environment }, cloud.url);
}

/** The file's path. */
async function write(name: string, content: string): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, content);
  return path;
}

describe("fetchContainerKeys", () => {
  test.each(["", "Bearer "])("shows the pod's token, with the scheme %j", async (scheme) => {
    cloud.on("GET /v1/credentials", () => endpointKeys(keys));
    const found = await find({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${cloud.url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: await write("pod", `${scheme}pod.token\n`),
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "less.important",
    });
    expect(found).toEqual(keys);
    expect(cloud.journal[0]?.headers.authorization).toBe(`${scheme}pod.token`);
  });

  test("shows the token of the environment", async () => {
    cloud.on("GET /task", () => endpointKeys(keys));
    await find({
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/task",
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "task.token",
    });
    expect(cloud.journal[0]?.headers.authorization).toBe("task.token");
  });

  test.each([
    "http://registry.example/keys",
    "http://169.254.169.254/keys",
    "http://127.0.0.1.evil.example/",
    "ftp://127.0.0.1/",
    "keys",
  ])("asks nobody at %s", async (uri) => {
    await expect(find({ AWS_CONTAINER_CREDENTIALS_FULL_URI: uri })).rejects.toThrow(
      "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http on loopback",
    );
  });

  test("asks no other host for a path that is none", async () => {
    await expect(
      find({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "@evil.example/" }),
    ).rejects.toThrow("no path that begins with /");
  });

  test("sends no token that no header may hold, and does not repeat it", async () => {
    const failure = await find({
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/task",
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "s3cret\r\nx: y",
    }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ failure: "credentials" });
    expect(String(failure)).not.toContain("s3cret");
    expect(cloud.routes).toEqual([]);
  });

  test("tells what the endpoint said", async () => {
    cloud.on("GET /task", () => ({ status: 403, body: { code: "AccessDenied", message: "x" } }));
    await expect(find({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/task" })).rejects.toMatchObject({
      failure: "credentials",
      message: "the AWS container endpoint: refused with status 403, AccessDenied",
    });
  });

  test("makes no keys of an answer without", async () => {
    cloud.on("GET /task", () => ({ body: { AccessKeyId: "AKIA" } }));
    await expect(find({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/task" })).rejects.toThrow(
      "no secret access key",
    );
  });
});
