import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { PasswordSource } from "../../../../src/upstream/credential-sources/password-source.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";
import { ManualClock } from "../manual-clock.ts";
import { captureLog } from "../open-upstream.ts";

const clock = new ManualClock();
const { log } = captureLog();

describe("PasswordSource", () => {
  test("gives the password that was written down", async () => {
    const source = new PasswordSource({ username: "ann", password: { text: "pass " }, clock, log });
    expect(source.name).toBe("ann");
    expect(await source.get()).toEqual({ kind: "password", username: "ann", password: "pass " });
  });

  test.each([
    ["pass word\n", "pass word"],
    ["pass\r\n", "pass"],
    [" pass", " pass"],
    ["two\n\n", "two\n"],
  ])("takes %j in a file as %j", async (text, password) => {
    await using dir = await makeTempDir();
    const file = join(dir.path, "password");
    await writeFile(file, text);
    const source = new PasswordSource({ username: "ann", password: { file }, clock, log });
    expect(await source.get()).toMatchObject({ password });
  });

  test("fails on an empty file", async () => {
    await using dir = await makeTempDir();
    const file = join(dir.path, "password");
    await writeFile(file, "\n");
    const source = new PasswordSource({ username: "ann", password: { file }, clock, log });
    await expect(source.get()).rejects.toMatchObject({
      failure: "credentials",
      message: `${file} is empty`,
    });
  });

  test("reads the file again at once when its password was refused", async () => {
    await using dir = await makeTempDir();
    const file = join(dir.path, "password");
    await writeFile(file, "old");
    const source = new PasswordSource({ username: "ann", password: { file }, clock, log });
    await source.get();
    await writeFile(file, "new");
    source.refuse();
    expect(await source.get()).toMatchObject({ password: "new" });
  });
});
