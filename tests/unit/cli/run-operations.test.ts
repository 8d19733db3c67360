import { describe, expect, test } from "@jest/globals";
import { RegistryError } from "../../../src/oci/errors.ts";
import type { Operations, PinEntry } from "../../../src/registry/operations/operations.ts";
import { StartError } from "../../../src/start-error.ts";
import { Output, run } from "./run-program.ts";

/** What the store's and the upstream's errors look like from outside. */
class DiskFailure extends Error {
  readonly failure = "full";
}

function failWith(error: Error): Partial<Operations> {
  return {
    listPins: async () => {
      throw error;
    },
  };
}

/** An operation that runs until it is told to stop; `onStart` is called once it runs. */
function runUntilStopped(onStart: () => void): Partial<Operations> {
  return {
    listPins: async (_, { signal }) => {
      const stopped = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => stopped.reject(signal.reason));
      onStart();
      return stopped.promise;
    },
  };
}

function brokenPipe(): Error {
  return Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
}

function refuseToOpen(): Promise<never> {
  return Promise.reject(new StartError("there is no cache at ./data"));
}

describe("a command", () => {
  test.each([
    new RegistryError("NAME_UNKNOWN", "there is no such name"),
    new DiskFailure("the disk is full"),
  ])("tells $message in words, ends with 1, and gives the storage back", async (error) => {
    const outcome = await run(["pins", "--json"], { operations: failWith(error) });
    expect(outcome).toEqual({
      code: 1,
      stdout: "",
      stderr: `error: ${error.message}\n`,
      disposals: 1,
    });
  });

  test("ends with 2 when what was asked for can be no name", async () => {
    const operations = failWith(
      new RegistryError("NAME_INVALID", "repository names are lower case"),
    );
    expect(await run(["pins"], { operations })).toMatchObject({
      code: 2,
      stderr: "error: repository names are lower case\n",
    });
  });

  test("tells what keeps it from the storage", async () => {
    expect(await run(["pins"], { open: refuseToOpen })).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "error: there is no cache at ./data\n",
    });
  });

  test("hides no defect behind a message", async () => {
    const operations = failWith(new TypeError("a defect"));
    await expect(run(["pins"], { operations })).rejects.toThrow("a defect");
  });

  test("ends with 1 and without a word when it is told to stop", async () => {
    const stop = new AbortController();
    const operations = runUntilStopped(() => stop.abort("SIGINT"));
    expect(await run(["pins"], { operations, stop: stop.signal })).toEqual({
      code: 1,
      stdout: "",
      stderr: "",
      disposals: 1,
    });
  });

  test("does nothing when it was told to stop before it had opened the storage", async () => {
    const stop = AbortSignal.abort("SIGINT");
    expect(await run(["pins"], { stop })).toMatchObject({ code: 1, disposals: 1 });
  });

  test("whose reader has enough ends without complaint", async () => {
    const stdout = new Output({ failure: brokenPipe() });
    const operations: Partial<Operations> = {
      unpin: async () => ({ removed: true }),
    };
    const outcome = await run(["unpin", "node"], { operations, stdout });
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
  });

  test("that still works ends when nobody takes its output any more", async () => {
    const stdout = new Output();
    const operations = runUntilStopped(() => stdout.destroy(brokenPipe()));
    expect(await run(["pins"], { operations, stdout })).toMatchObject({ code: 1, stderr: "" });
  });

  test("fails when its output cannot be written for another reason", async () => {
    const failure = Object.assign(new Error("no space left"), { code: "ENOSPC" });
    const stdout = new Output({ failure });
    const operations: Partial<Operations> = { unpin: async () => ({ removed: true }) };
    const outcome = await run(["unpin", "node"], { operations, stdout });
    expect(outcome).toMatchObject({
      code: 1,
      stderr: "error: the output cannot be written: no space left\n",
    });
  });

  test.each(["pins --help", "config print", "config check", "rules test node"])(
    "%s fails, too, when its output cannot be written",
    async (command) => {
      const failure = Object.assign(new Error("no space left"), { code: "ENOSPC" });
      const stdout = new Output({ failure });
      expect(await run(command.split(" "), { stdout })).toMatchObject({ code: 1 });
    },
  );

  test("prints as JSON what reads the same, and nothing that a terminal obeys", async () => {
    const note = "a\u001b[31m\u009b31m\u202e\u{e0041}\n é漢";
    const pin: PinEntry = { name: "docker.io/library/node:24", createdAt: 1, present: true, note };
    const operations: Partial<Operations> = { listPins: async () => [pin] };
    const { stdout } = await run(["pins", "--json"], { operations });
    expect(JSON.parse(stdout)).toEqual([pin]);
    expect(stdout).toContain("é漢");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test("tells of wrong usage without what a terminal obeys", async () => {
    const { code, stderr } = await run(["pin", "node", "--until", "\u001b[31m"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: .*'\?\[31m' is invalid/);
  });
});
