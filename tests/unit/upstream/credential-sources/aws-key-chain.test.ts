import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  findAwsKeys,
  type AwsKeyOptions,
} from "../../../../src/upstream/credential-sources/aws-key-chain.ts";
import type { AwsKeys } from "../../../../src/upstream/credential-sources/aws-keys.ts";
import { endpointKeys, fakeInstance, fakeSts } from "../../../support/fake-aws.ts";
import { FakeCloud, openCloudAccess, type OpenedCloudAccess } from "../../../support/fake-cloud.ts";
import { makeTempDir, type TempDir } from "../../../support/temp-dir.ts";

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

const nothing: AwsKeyOptions = {
  accessKeyId: undefined,
  secretAccessKeyFile: undefined,
  credentialsFile: undefined,
  profile: undefined,
};

/** Keys that tell where they were found. */
function keysOf(place: string) {
  return {
    accessKeyId: `AKIA-${place}`,
    secretAccessKey: `secret-${place}`,
    sessionToken: `session-${place}`,
  };
}

function find(
  environment: Record<string, string>,
  options: Partial<AwsKeyOptions> = {},
): Promise<AwsKeys> {
  const { url } = cloud;
  const services = { sts: url, container: url, instance: url };
  return findAwsKeys({ ...nothing, ...options }, services, { ...opened.access, environment });
}

/** The file's path. */
async function write(name: string, content: string): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, content);
  return path;
}

function profileText(profile: string): string {
  const { accessKeyId, secretAccessKey, sessionToken } = keysOf(profile);
  return `[${profile}]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\naws_session_token = ${sessionToken}\n`;
}

function serveInstance(): void {
  const routes = fakeInstance("pull", keysOf("instance"));
  for (const [route, answer] of Object.entries(routes)) cloud.on(route, answer);
}

/** Every place has keys: what each setting is, and what it needs to be found. */
async function fillAllPlaces() {
  cloud.on("POST /", fakeSts(keysOf("web")));
  cloud.on("GET /container", () => endpointKeys(keysOf("container")));
  serveInstance();
  return {
    configured: {
      accessKeyId: "AKIA-configured",
      secretAccessKeyFile: await write("secret", "secret-configured\n"),
    },
    file: { credentialsFile: await write("configured", profileText("file")), profile: "file" },
    environment: {
      AWS_ACCESS_KEY_ID: "AKIA-environment",
      AWS_SECRET_ACCESS_KEY: "secret-environment",
      AWS_SESSION_TOKEN: "session-environment",
    },
    web: {
      AWS_WEB_IDENTITY_TOKEN_FILE: await write("token", "web.identity.token\n"),
      AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/pull",
    },
    shared: { AWS_SHARED_CREDENTIALS_FILE: await write("shared", profileText("default")) },
    container: { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/container" },
  };
}

describe("findAwsKeys: the order", () => {
  test("is configured keys, configured file, environment, web identity, shared file, container, instance", async () => {
    const { configured, file, environment, web, shared, container } = await fillAllPlaces();
    const all = { ...environment, ...web, ...shared, ...container };
    const found = [
      await find(all, { ...configured, ...file }),
      await find(all, file),
      await find(all),
      await find({ ...web, ...shared, ...container }),
      await find({ ...shared, ...container }),
      await find(container),
      await find({}),
    ];
    expect(found).toEqual([
      { ...keysOf("configured"), sessionToken: undefined },
      keysOf("file"),
      keysOf("environment"),
      keysOf("web"),
      keysOf("default"),
      keysOf("container"),
      keysOf("instance"),
    ]);
  });

  test("asks STS over the internet, and the machine's endpoints directly", async () => {
    const { web, container } = await fillAllPlaces();
    await find({ ...web, ...container });
    expect(opened.sent).toEqual({ internet: 1, local: 0 });
    await find(container);
    await find({});
    expect(opened.sent).toEqual({ internet: 1, local: 4 });
  });

  test("says that the machine has no role, where that was the last hope", async () => {
    await fillAllPlaces();
    cloud.on("GET /latest/meta-data/iam/security-credentials/", () => ({ status: 404 }));
    await expect(find({})).rejects.toMatchObject({
      failure: "credentials",
      message: expect.stringContaining("and the machine has no role"),
    });
  });

  test("asks nobody for keys that are at hand", async () => {
    const { configured, file, environment } = await fillAllPlaces();
    await find({}, configured);
    await find({}, file);
    await find(environment);
    expect(cloud.routes).toEqual([]);
  });

  test("does not go on behind a place that is set up and fails", async () => {
    const { web, container } = await fillAllPlaces();
    cloud.on("POST /", () => ({ status: 403 }));
    await expect(find({ ...web, ...container })).rejects.toThrow("AWS STS: refused");
    await expect(
      find(container, { credentialsFile: join(dir.path, "none") }),
    ).rejects.toMatchObject({ failure: "credentials" });
    expect(cloud.routes).toEqual(["POST /"]);
  });
});

describe("findAwsKeys: configuration", () => {
  test("reads the secret's file anew each time", async () => {
    const secretAccessKeyFile = await write("secret", "old\n");
    const options = { accessKeyId: "AKIA", secretAccessKeyFile };
    expect((await find({}, options)).secretAccessKey).toBe("old");
    await write("secret", "new");
    expect((await find({}, options)).secretAccessKey).toBe("new");
  });

  test.each([
    ["is not there", undefined, "ENOENT"],
    ["is empty", "\n", "is empty"],
    ["is far too long", "x".repeat(70_000), "longer than 65536 bytes"],
    ["holds several words", "s3cret words", "no secret access key, or a malformed one"],
  ])("refuses a secret's file that %s", async (_, content, problem) => {
    if (content !== undefined) await write("secret", content);
    const secretAccessKeyFile = join(dir.path, "secret");
    const failure = await find({}, { accessKeyId: "AKIA", secretAccessKeyFile }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ failure: "credentials" });
    expect(String(failure)).toContain(problem);
    expect(String(failure)).not.toContain("s3cret");
  });

  test("finds a configured profile in the usual file", async () => {
    const shared = await write("shared", profileText("default") + profileText("pull"));
    const found = await find({ AWS_SHARED_CREDENTIALS_FILE: shared }, { profile: "pull" });
    expect(found).toEqual(keysOf("pull"));
  });

  test.each([
    ["is not there", "other", 'there is no profile "other"'],
    ["has no keys", "role", "role_arn, credential_process and sso are not supported"],
    ["has half of the keys", "half", "no secret access key"],
  ])("refuses a configured profile that %s", async (_, profile, problem) => {
    const text = "[role]\nrole_arn = arn:x\n[half]\naws_access_key_id = AKIA\n";
    const credentialsFile = await write("credentials", text);
    await expect(find({}, { credentialsFile, profile })).rejects.toThrow(problem);
  });

  test("says so when there is no file for a configured profile", async () => {
    await expect(find({}, { profile: "pull" })).rejects.toThrow("no file that it could be in");
  });
});

describe("findAwsKeys: environment", () => {
  test("refuses half of the keys rather than going on", async () => {
    await expect(find({ AWS_ACCESS_KEY_ID: "AKIA" })).rejects.toThrow(
      "the environment has no secret access key",
    );
    await expect(find({ AWS_SECRET_ACCESS_KEY: "s" })).rejects.toThrow(
      "the environment has no access key id",
    );
  });

  test("takes no session token where it is empty", async () => {
    const found = await find({
      AWS_ACCESS_KEY_ID: "AKIA",
      AWS_SECRET_ACCESS_KEY: "s",
      AWS_SESSION_TOKEN: "",
    });
    expect(found.sessionToken).toBeUndefined();
  });

  test("finds the profile that AWS_PROFILE names", async () => {
    const shared = await write("shared", profileText("default") + profileText("pull"));
    const found = await find({ AWS_SHARED_CREDENTIALS_FILE: shared, AWS_PROFILE: "pull" });
    expect(found).toEqual(keysOf("pull"));
  });
});
