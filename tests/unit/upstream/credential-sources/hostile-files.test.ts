import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { PasswordSource } from "../../../../src/upstream/credential-sources/password-source.ts";
import { readSecretFile } from "../../../../src/upstream/credential-sources/secret-file.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";
import { ManualClock } from "../manual-clock.ts";
import { captureLog } from "../open-upstream.ts";

const kinds: [string, (path: string) => Promise<unknown>][] = [
  ["a pipe that nobody writes into", (path) => promisify(execFile)("mkfifo", [path])],
  ["a directory", (path) => mkdir(path)],
  ["a device", (path) => promisify(execFile)("ln", ["-s", "/dev/zero", path])],
];

describe("credentials in a file", () => {
  test.each(kinds)("are none where it is %s, which is told at once", async (_, make) => {
    await using dir = await makeTempDir();
    const path = join(dir.path, "secret");
    await make(path);
    const options = { clock: new ManualClock(), log: captureLog().log };
    const source = new PasswordSource({ username: "ann", password: { file: path }, ...options });
    await expect(source.get()).rejects.toMatchObject({
      failure: "credentials",
      message: `${path} is no regular file`,
    });
    await expect(readSecretFile(path, "AWS secret access key")).rejects.toMatchObject({
      failure: "credentials",
      message: `AWS secret access key: ${path} is no regular file`,
    });
  });
});
