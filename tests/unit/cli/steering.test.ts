import { describe, expect, test } from "@jest/globals";
import { digestOf } from "../../../src/oci/digest.ts";
import { parseRepositoryName, qualifyName } from "../../../src/oci/repository-name.ts";
import type {
  EvictionEntry,
  EvictionReport,
  Operations,
  PinEntry,
  VerifyProgress,
  VerifyReport,
} from "../../../src/registry/operations/operations.ts";
import { now, Output, run } from "./run-program.ts";

const day = 86_400_000;
const digest = digestOf(Buffer.from("a blob"));
const pinned: PinEntry = { name: "docker.io/library/node:24", createdAt: now, present: true };

/** Answers with `result` and writes down what it was asked. */
function record<Args, Result>(result: Result) {
  const asked: Args[] = [];
  const operation = async (args: Args) => {
    asked.push(args);
    return result;
  };
  return { asked, operation };
}

describe("entrepot rm", () => {
  test("says what went of each name", async () => {
    const removed = { name: "docker.io/library/node:22", tags: 1, manifests: 3, blobs: 1200 };
    const { asked, operation } = record([{ ...removed, bytes: 5 * 1024 ** 2 }]);
    const { code, stdout } = await run(["rm", "node:22", "redis"], {
      operations: { remove: operation },
    });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        "removed docker.io/library/node:22: 1 tag, 3 manifests, 1,200 blobs; 5MiB are free again\n",
    });
    expect(asked).toEqual([{ names: ["node:22", "redis"], allTags: false }]);
  });

  test("--all-tags is passed on", async () => {
    const { asked, operation } = record([]);
    await run(["rm", "--all-tags", "node", "--json"], { operations: { remove: operation } });
    expect(asked).toEqual([{ names: ["node"], allTags: true }]);
  });

  test("without a name is wrong usage", async () => {
    expect(await run(["rm"])).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("entrepot pin", () => {
  test.each([
    [[], {}],
    [["--until", "30d"], { until: now + 30 * day }],
    [
      ["--until", "2026-12-31T18:00Z", "--note", "why"],
      { until: Date.UTC(2026, 11, 31, 18), note: "why" },
    ],
  ])("with %j", async (options, expected) => {
    const { asked, operation } = record(pinned);
    const { code, stdout } = await run(["pin", "node:24", ...options], {
      operations: { pin: operation },
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "pinned docker.io/library/node:24\n" });
    expect(asked).toEqual([{ name: "node:24", ...expected }]);
  });

  test("warns if nothing of it is here yet", async () => {
    const { operation } = record({ ...pinned, present: false });
    const { code, stderr } = await run(["pin", "node:24"], { operations: { pin: operation } });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: "warning: nothing of it is here yet: entrepot prefetch docker.io/library/node:24\n",
    });
  });

  test.each(["tomorrow", "2020-01-01", "2026-02-30"])("--until %s is wrong usage", async (text) => {
    const { code, stderr } = await run(["pin", "node:24", "--until", text]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: option '--until <date>' argument '.*' is invalid\. \w/);
  });
});

describe("entrepot unpin", () => {
  test("says that it is done", async () => {
    const operations: Partial<Operations> = { unpin: async () => ({ removed: true }) };
    expect(await run(["unpin", "node:24"], { operations })).toMatchObject({
      code: 0,
      stdout: "unpinned docker.io/library/node:24\n",
    });
  });

  test("fails where there is no such pin, with --json too", async () => {
    const operations: Partial<Operations> = { unpin: async () => ({ removed: false }) };
    const { code, stdout, stderr } = await run(["unpin", "node:24", "--json"], { operations });
    expect({ code, parsed: JSON.parse(stdout) }).toEqual({ code: 1, parsed: { removed: false } });
    expect(stderr).toContain("node:24 is not pinned");
  });
});

describe("entrepot pins", () => {
  test("lists them", async () => {
    const until = Date.UTC(2026, 11, 31);
    const { operation } = record([pinned, { ...pinned, name: "x.io/a:1", until, note: "why" }]);
    const { stdout } = await run(["pins"], { operations: { listPins: operation } });
    expect(stdout.split("\n")).toEqual([
      "NAME                       HERE  PINNED    UNTIL                 NOTE",
      "docker.io/library/node:24  yes   just now",
      "x.io/a:1                   yes   just now  2026-12-31T00:00:00Z  why",
      "",
    ]);
  });

  test("says so where there are none", async () => {
    const { operation } = record([]);
    const outcome = await run(["pins"], { operations: { listPins: operation } });
    expect(outcome).toMatchObject({ code: 0, stdout: "", stderr: "no pins found\n" });
  });
});

const eviction: EvictionReport = {
  blobs: 1,
  manifests: 0,
  leftovers: 2,
  bytes: 1024,
  bytesLeft: 2048,
  pinnedBytes: 512,
  reached: true,
};

const evicted: EvictionEntry = {
  kind: "blob",
  digest,
  size: 1024,
  usedAt: now - 91 * day,
  fate: "goes",
  reason: "unused for 91 days",
  names: ["docker.io/library/node:20"],
};

function evict(report: EvictionReport): { asked: unknown[]; operations: Partial<Operations> } {
  const asked: unknown[] = [];
  const operations: Partial<Operations> = {
    evict: async (args, { onEvent }) => {
      asked.push(args);
      onEvent(evicted);
      return report;
    },
  };
  return { asked, operations };
}

describe("entrepot evict", () => {
  test.each([
    [[], { dryRun: false }],
    [["--to", "1.5GiB"], { dryRun: false, toBytes: 1.5 * 1024 ** 3 }],
    [["--older-than", "30d"], { dryRun: false, olderThanMs: 30 * day }],
    [["--older-than", "30 days"], { dryRun: false, olderThanMs: 30 * day }],
    [["--older-than", "3 hours ago"], { dryRun: false, olderThanMs: day / 8 }],
  ])("with %j says what went", async (options, expected) => {
    const { asked, operations } = evict(eviction);
    const { code, stdout } = await run(["evict", ...options], { operations });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "1 blob, 0 manifests, 2 leftovers: 1KiB are gone, 2KiB are left\n",
    });
    expect(asked).toEqual([expected]);
  });

  test("--dry-run lists what would go, and why", async () => {
    const { asked, operations } = evict(eviction);
    const { stdout } = await run(["evict", "--dry-run"], { operations });
    expect(asked).toEqual([{ dryRun: true }]);
    expect(stdout).toMatch(
      /^goes {2}blob {2}sha256:[0-9a-f]{12} {2}1KiB {2}91 days ago {2}unused for 91 days {2}docker\.io\/library\/node:20$/m,
    );
    expect(stdout).toMatch(/\n\n1 blob, .* would go, 2KiB would be left\n$/);
  });

  test("--json prints the report with its entries", async () => {
    const { operations } = evict(eviction);
    const { stdout } = await run(["evict", "--json"], { operations });
    expect(JSON.parse(stdout)).toEqual({ ...eviction, entries: [evicted] });
  });

  test("fails where too much must stay, and says how much", async () => {
    const { operations } = evict({ ...eviction, reached: false });
    const { code, stderr } = await run(["evict", "--to", "0B"], { operations });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "error: there is no more to remove: 2KiB stay, pinned or in use (512B of it pinned)\n",
    });
  });

  test.each([
    ["--to", "5"],
    ["--to", "-1GiB"],
    ["--older-than", "1 week"],
    ["--older-than", "x"],
  ])("%s %s is wrong usage", async (option, text) => {
    const { code, stderr } = await run(["evict", `${option}=${text}`]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: option '.*' argument '.*' is invalid\. Write a/);
  });
});

const progress: VerifyProgress = {
  done: { blobs: 1, bytes: 1024 },
  total: { blobs: 4, bytes: 4096 },
};

const verified: VerifyReport = { blobs: 4, bytes: 4096, manifests: 1, damaged: [] };

const damaged = {
  digest,
  size: 1024,
  problem: "has another digest",
  repositories: [qualifyName("docker.io", parseRepositoryName("library/node"))],
};

function verify(report: VerifyReport): Partial<Operations> {
  return {
    verify: async (_, { onEvent }) => {
      onEvent(progress);
      return report;
    },
  };
}

describe("entrepot verify", () => {
  test("says how much was checked", async () => {
    const { code, stdout, stderr } = await run(["verify", "--all"], {
      operations: verify(verified),
    });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: "4 blobs and 1 manifest checked, 4KiB: none damaged\n",
      stderr: "",
    });
  });

  test.each([
    [[], {}, 1, ": 1 damaged, 0 repaired"],
    [["--repair"], { repaired: true }, 0, "; repaired\n"],
    [
      ["--repair"],
      { repaired: false, repairProblem: "docker.io is away" },
      1,
      "; not repaired: docker.io is away\n",
    ],
  ])("with %j tells what is damaged", async (options, outcome, expected, verdict) => {
    const report = { ...verified, damaged: [{ ...damaged, ...outcome }] };
    const operations = verify(report);
    const { code, stdout } = await run(["verify", "--all", ...options], { operations });
    expect(code).toBe(expected);
    expect(stdout).toContain(`${digest} (1KiB of docker.io/library/node) has another digest`);
    expect(stdout).toContain(verdict);
  });

  test("shows its progress in place on a terminal that is wide enough or not", async () => {
    const stderr = new Output({ isTTY: true, columns: 20 });
    const { stdout } = await run(["verify", "node", "--json"], {
      operations: verify(verified),
      stderr,
    });
    expect(stderr.text).toBe("\r1 of 4 blobs, 1KiB \u001B[K\r\u001B[K");
    expect(JSON.parse(stdout)).toEqual(verified);
  });

  test.each([[[]], [["node", "--all"]]])("%j is wrong usage", async (args) => {
    const { code, stderr } = await run(["verify", ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain("error: say what to check: a name, a digest, or --all\n");
  });
});
