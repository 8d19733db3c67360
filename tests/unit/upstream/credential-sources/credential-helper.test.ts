import { describe, expect, test } from "@jest/globals";
import { CredentialHelper } from "../../../../src/upstream/credential-sources/credential-helper.ts";
import { ManualClock } from "../manual-clock.ts";
import { captureLog } from "../open-upstream.ts";
import { answerScript, makeHelperPrograms, type HelperPrograms } from "./helper-programs.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const noneScript = "echo credentials not found in native keychain; exit 1";

function open({ environment }: HelperPrograms) {
  const clock = new ManualClock();
  const { log, lines } = captureLog();
  const options = { helper: { name: "test", server: "ghcr.io" }, environment, clock, log };
  return { helper: new CredentialHelper(options), clock, lines };
}

describe("CredentialHelper", () => {
  test("runs it once for all who ask at the same time", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", answerScript("ann", "one"));
    const { helper } = open(programs);
    const all = await Promise.all([helper.get(), helper.get(), helper.get()]);
    const expected = { kind: "password", username: "ann", password: "one" };
    expect(all).toEqual([expected, expected, expected]);
    expect(await programs.readCalls()).toHaveLength(1);
  });

  test.each([
    ["credentials for 12 hours", answerScript("ann", "one"), 12 * hourMs],
    ["that there are none for 5 minutes", noneScript, 5 * minuteMs],
  ])("remembers %s", async (_, script, keptMs) => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", script);
    const { helper, clock } = open(programs);
    await helper.get();
    clock.advance(keptMs - 1);
    await helper.get();
    expect(await programs.readCalls()).toHaveLength(1);
    clock.advance(1);
    await helper.get();
    expect(await programs.readCalls()).toHaveLength(2);
  });

  test("runs it again for credentials that were refused, but not for older ones", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", answerScript("ann", "one"));
    const { helper } = open(programs);
    const first = await helper.get();
    if (!first) throw new Error("no credentials");
    await programs.write("test", answerScript("ann", "two"));
    helper.refuse(first);
    expect(await helper.get()).toMatchObject({ password: "two" });
    helper.refuse(first);
    await helper.get();
    expect(await programs.readCalls()).toHaveLength(2);
  });

  test("fails for 10 seconds without running it again", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", "exit 2");
    const { helper, clock } = open(programs);
    for (let round = 0; round < 3; round += 1) {
      await expect(helper.get()).rejects.toMatchObject({ failure: "credentials" });
    }
    expect(await programs.readCalls()).toHaveLength(1);
    await programs.write("test", answerScript("ann", "one"));
    clock.advance(10_000);
    expect(await helper.get()).toMatchObject({ password: "one" });
  });

  test("keeps what it last said while it fails, unless that was refused", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", answerScript("ann", "one"));
    const { helper, clock, lines } = open(programs);
    const first = await helper.get();
    await programs.write("test", "exit 2");
    clock.advance(12 * hourMs);
    expect(await helper.get()).toEqual(first);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("exit code 2");
    if (first) helper.refuse(first);
    await expect(helper.get()).rejects.toMatchObject({ failure: "credentials" });
  });
});
