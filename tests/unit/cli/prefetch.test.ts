import { describe, expect, test } from "@jest/globals";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  OperationArgs,
  Operations,
  PrefetchReport,
} from "../../../src/registry/operations/operations.ts";
import { makeTempDir } from "../../support/temp-dir.ts";
import { run } from "./run-program.ts";

const report: PrefetchReport = {
  names: [{ name: "docker.io/library/node:24", complete: true }],
  blobs: 3,
  fetchedBytes: 2048,
  presentBytes: 1024,
};

/** Remembers what it is asked for. */
class FakePrefetch {
  readonly calls: OperationArgs<"prefetch">[] = [];
  readonly operations: Partial<Operations>;

  constructor(answer: Operations["prefetch"] = async () => report) {
    this.operations = {
      prefetch: (args, options) => {
        this.calls.push(args);
        return answer(args, options);
      },
    };
  }
}

const settings = `
prefetch:
  images: [redis:7, node:24]
  platforms: [linux/arm64, linux/arm/v7]
`;

describe("entrepot prefetch", () => {
  test("fetches the names for the configured platforms, and prints the sum", async () => {
    const { calls, operations } = new FakePrefetch();
    const outcome = await run(["prefetch", "node:24"], { operations, config: settings });
    expect(calls).toEqual([{ names: ["node:24"], platforms: ["linux/arm64", "linux/arm/v7"] }]);
    expect(outcome).toMatchObject({
      code: 0,
      stdout: "1 of 1 name complete: 3 blobs, 2KiB fetched, 1KiB here before\n",
      stderr: "",
    });
  });

  test("takes platforms, or all", async () => {
    const { calls, operations } = new FakePrefetch();
    await run(["prefetch", "a", "--platform", "linux/x86_64, linux/arm64/v8"], { operations });
    await run(["prefetch", "a", "--platform", "all"], { operations });
    expect(calls.map(({ platforms }) => platforms)).toEqual([
      ["linux/amd64", "linux/arm64/v8"],
      "all",
    ]);
  });

  test("fetches the configured list without names, and needs one then", async () => {
    const { calls, operations } = new FakePrefetch();
    await run(["prefetch"], { operations, config: settings });
    expect(calls.map(({ names }) => names)).toEqual([["redis:7", "node:24"]]);
    const outcome = await run(["prefetch"], { operations });
    expect(outcome).toMatchObject({
      code: 2,
      stderr: "error: name what to prefetch, or set prefetch.images\n",
      // The storage was not even opened: that would make one.
      disposals: 0,
    });
  });

  test("adds the names of files", async () => {
    await using dir = await makeTempDir();
    const [list, compose] = [join(dir.path, "list"), join(dir.path, "compose.yaml")];
    await writeFile(list, "redis:7\n");
    await writeFile(compose, "services: { web: { image: node:24 } }");
    const { calls, operations } = new FakePrefetch();
    await run(["prefetch", "a", "--file", list, "--file", compose], { operations });
    expect(calls.map(({ names }) => names)).toEqual([
      ["a", "docker.io/library/redis:7", "docker.io/library/node:24"],
    ]);
  });

  test("is wrong usage with what is no name, no platform or no list", async () => {
    const { calls, operations } = new FakePrefetch();
    const missing = "/nowhere/list";
    for (const [args, told] of [
      [["Node"], "repository name must be lower-case"],
      [["a", "--platform", "linux"], "Write os/architecture"],
      [["--file", missing], `${missing}: there is no such file\n`],
    ] as const) {
      const outcome = await run(["prefetch", ...args], { operations });
      expect(outcome).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(told) });
    }
    expect(calls).toEqual([]);
  });

  test("fails when not all came, and prints the report as JSON", async () => {
    const names = [{ name: "docker.io/library/a:latest", complete: false, problem: "unknown" }];
    const { operations } = new FakePrefetch(async () => ({ ...report, names }));
    const outcome = await run(["prefetch", "a", "--json"], { operations });
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toEqual({ ...report, names });
  });

  test("writes what happens as lines where there is no terminal", async () => {
    const { operations } = new FakePrefetch(async (_, { onEvent }) => {
      onEvent({ kind: "name", name: "docker.io/library/a:latest", state: "resolving" });
      return report;
    });
    const outcome = await run(["prefetch", "a"], { operations });
    expect(outcome.stderr).toBe("docker.io/library/a:latest: begins\n");
  });

  test("says when it is stopped that what came is kept", async () => {
    const stop = new AbortController();
    const { operations } = new FakePrefetch((_, { signal }) => {
      stop.abort("SIGINT");
      return Promise.reject(signal.reason);
    });
    const outcome = await run(["prefetch", "a"], { operations, stop: stop.signal });
    expect(outcome).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("the same command goes on from there"),
    });
  });
});
