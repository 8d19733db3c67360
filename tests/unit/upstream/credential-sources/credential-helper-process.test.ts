import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { askCredentialHelper } from "../../../../src/upstream/credential-sources/credential-helper-process.ts";
import { UpstreamError } from "../../../../src/upstream/upstream.ts";
import { serializeError } from "../../../../src/serialize-error.ts";
import { eventually } from "../../../support/wait.ts";
import { answerScript, makeHelperPrograms, type HelperPrograms } from "./helper-programs.ts";

const helper = { name: "test", server: "ghcr.io" };

function ask({ environment }: HelperPrograms, timeoutMs?: number) {
  return askCredentialHelper({ helper, environment, ...(timeoutMs && { timeoutMs }) });
}

async function failure(asking: Promise<unknown>): Promise<UpstreamError> {
  const error: unknown = await asking.catch((caught: unknown) => caught);
  if (error instanceof UpstreamError) return error;
  throw new Error("it did not fail as it should");
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("askCredentialHelper", () => {
  test("asks for the registry, and gives user name and password", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", answerScript("ann", "pass word"));
    expect(await ask(programs)).toEqual({
      kind: "password",
      username: "ann",
      password: "pass word",
    });
    expect(await programs.readCalls()).toEqual(["test get ghcr.io"]);
  });

  test("takes the secret of the user <token> for a refresh token", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", answerScript("<token>", "refresh.me"));
    expect(await ask(programs)).toEqual({ kind: "refresh-token", token: "refresh.me" });
  });

  test("passes the environment on", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", `printf '{"Username":"%s","Secret":"s"}' "$FLAVOUR"`);
    expect(await ask(programs)).toMatchObject({ username: "vanilla" });
  });

  test("gives nothing where the helper knows nothing", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", "echo credentials not found in native keychain; exit 1");
    expect(await ask(programs)).toBeUndefined();
  });

  test.each([
    ["fails", "echo secret-word; echo secret-word >&2; exit 3", "failed with exit code 3"],
    ["is killed", "kill -9 $$", "was killed"],
    ["answers no JSON", "echo secret-word", "gave no credentials"],
    ["answers JSON of another kind", 'echo "[\\"secret-word\\"]"', "gave no credentials"],
    ["answers without a secret", `echo '{"Username":"secret-word"}'`, "gave no credentials"],
    ["answers with a strange token", answerScript("<token>", "secret-word x"), "gave a token"],
    [
      "answers without end",
      "while :; do echo secret-word-secret-word; done",
      "answered with more than 65536",
    ],
  ])("fails when it %s, without a word of what it wrote", async (_, script, reason) => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", script);
    const error = await failure(ask(programs));
    expect(error.failure).toBe("credentials");
    expect(error.message).toContain(`docker-credential-test ${reason}`);
    expect(JSON.stringify(serializeError(error))).not.toContain("secret-word");
  });

  test("fails where there is no such program", async () => {
    await using programs = await makeHelperPrograms();
    const error = await failure(ask(programs));
    expect(error).toMatchObject({
      failure: "credentials",
      message: "docker-credential-test is not in PATH",
    });
  });

  test("fails on what may not be run", async () => {
    await using programs = await makeHelperPrograms();
    await writeFile(join(programs.path, "docker-credential-test"), "", { mode: 0o644 });
    expect((await failure(ask(programs))).message).toContain("cannot be started (EACCES)");
  });

  test("ends one that takes too long, with all that it started", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", 'sleep 600 & echo "sleeper $!" >> "${0%/*}/calls"; wait');
    const error = await failure(ask(programs, 300));
    expect(error.message).toBe("docker-credential-test did not answer within 300 ms");
    const started = (await programs.readCalls()).find((line) => line.startsWith("sleeper"));
    const pid = Number(started?.split(" ")[1]);
    expect(pid).toBeGreaterThan(1);
    await eventually("what it started ends", () => !isRunning(pid));
  });

  test("ends one that is not waited for any more, with all that it started", async () => {
    await using programs = await makeHelperPrograms();
    await programs.write("test", 'sleep 600 & echo "sleeper $!" >> "${0%/*}/calls"; wait');
    const abort = new AbortController();
    const { environment } = programs;
    const asking = failure(askCredentialHelper({ helper, environment, signal: abort.signal }));
    const started = await eventually("it runs", async () =>
      (await programs.readCalls()).find((line) => line.startsWith("sleeper ")),
    );
    abort.abort();
    expect((await asking).message).toBe("docker-credential-test was ended");
    await eventually("what it started ends", () => !isRunning(Number(started.split(" ")[1])));
  });

  test("does not mind one that does not read what it is asked", async () => {
    await using programs = await makeHelperPrograms();
    const script = `#!/bin/sh\nexec <&-\n${answerScript("ann", "pass")}\n`;
    await writeFile(join(programs.path, "docker-credential-test"), script, { mode: 0o755 });
    expect(await ask(programs)).toMatchObject({ username: "ann" });
  });
});
