import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { TokenFileSource } from "../../../../src/upstream/credential-sources/token-file-source.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";
import { ManualClock } from "../manual-clock.ts";
import { captureLog } from "../open-upstream.ts";

const { log } = captureLog();

describe("TokenFileSource", () => {
  test("gives the token of the file, and the next one when it changes", async () => {
    await using dir = await makeTempDir();
    const path = join(dir.path, "token");
    const clock = new ManualClock();
    const source = new TokenFileSource({ path, clock, log });
    await writeFile(path, "first.token\n");
    expect(await source.get()).toEqual({ kind: "bearer", token: "first.token" });
    await writeFile(path, "the.second.token");
    clock.advance(1000);
    expect(await source.get()).toEqual({ kind: "bearer", token: "the.second.token" });
  });

  test.each([
    ["empty", " \n", "is empty"],
    ["two lines", "secret\nsecret", "holds no token"],
    ["beyond ASCII", "sécret", "holds no token"],
  ])("takes no token from a file that is %s", async (_, text, reason) => {
    await using dir = await makeTempDir();
    const path = join(dir.path, "token");
    await writeFile(path, text);
    const source = new TokenFileSource({ path, clock: new ManualClock(), log });
    const error: unknown = await source.get().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ failure: "credentials" });
    expect(String(error)).toContain(reason);
    expect(String(error)).not.toContain("cret\n");
  });
});
