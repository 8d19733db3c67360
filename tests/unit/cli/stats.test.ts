import { describe, expect, test } from "@jest/globals";
import { digestOf } from "../../../src/oci/digest.ts";
import { parseRepositoryName, qualifyName } from "../../../src/oci/repository-name.ts";
import type { Stats } from "../../../src/registry/operations/operations.ts";
import { now, run } from "./run-program.ts";

const gib = 1024 ** 3;
const repository = qualifyName("docker.io", parseRepositoryName("library/node"));

const stats: Stats = {
  runningSince: now - 2 * 86_400_000,
  space: {
    blobs: 1200,
    blobBytes: 24 * gib,
    partialBytes: gib,
    quarantinedBytes: 0,
    maxBytes: 50 * gib,
    diskFree: 100 * gib,
    diskTotal: 200 * gib,
    minFree: 10 * gib,
  },
  counts: { repositories: 10, tags: 20, manifests: 60, manifestBytes: 123_456, pins: 1 },
  traffic: {
    since: Date.UTC(2026, 1, 8),
    requests: 1000,
    errors: 3,
    hits: 931,
    bytes: 4 * gib,
    hitBytes: 3 * gib,
    fetchedBytes: gib,
    savedBytes: 3 * gib,
  },
  topRepositories: [{ name: repository, requests: 600, bytes: gib }],
  downloads: [
    {
      digest: digestOf(Buffer.from("a blob")),
      repository,
      size: 2 * gib,
      received: gib,
      startedAt: now - 5000,
    },
  ],
  integrity: { uncheckedBlobs: 5, oldestCheck: now - 4 * 86_400_000, damagedSinceStart: 0 },
};

const empty: Stats = {
  ...stats,
  runningSince: undefined,
  space: { ...stats.space, maxBytes: undefined },
  traffic: { ...stats.traffic, requests: 0, errors: 0, hits: 0, bytes: 0, hitBytes: 0 },
  topRepositories: [],
  downloads: [],
  integrity: { uncheckedBlobs: 0, oldestCheck: undefined, damagedSinceStart: 0 },
};

describe("entrepot stats", () => {
  test("prints all of it for people", async () => {
    const { code, stdout } = await run(["stats"], { operations: { stats: async () => stats } });
    expect(code).toBe(0);
    expect(stdout.split("\n")).toEqual([
      "Server",
      "  running for 2 days",
      "",
      "Space",
      "  used     25GiB (50 % of 50GiB)",
      "  blobs    24GiB in 1,200 blobs",
      "  partial  1GiB",
      "  disk     100GiB free of 200GiB, 10GiB kept free",
      "",
      "In the cache",
      "  repositories  10",
      "  tags          20",
      "  manifests     60 (121KiB)",
      "  pins          1",
      "",
      "Traffic since 2026-02-08T00:00:00Z",
      "  requests  1,000, 93.1 % from the cache",
      "  errors    3 requests besides",
      "  sent      4GiB, 75 % from the cache",
      "  fetched   1GiB from upstream",
      "  saved     3GiB",
      "",
      "Most asked for",
      "  REPOSITORY              REQUESTS  SENT",
      "  docker.io/library/node       600  1GiB",
      "",
      "Downloading now",
      "  BLOB                     RECEIVED  STARTED        REPOSITORY",
      expect.stringMatching(
        /^ {2}sha256:[0-9a-f]{12} {2}1GiB of 2GiB {2}5 seconds ago {2}docker\.io\/library\/node$/,
      ),
      "",
      "Integrity",
      "  oldest check   4 days ago",
      "  never checked  5 blobs",
      "  damaged        0 blobs since the start",
      "",
    ]);
  });

  test("of an empty cache without a server divides by nothing", async () => {
    const { stdout } = await run(["stats"], { operations: { stats: async () => empty } });
    expect(stdout).toContain("  not running; the counts are those it wrote down\n");
    expect(stdout).toContain("  used     25GiB (no limit)\n");
    expect(stdout).toContain("  requests  0, - from the cache\n");
    expect(stdout).not.toMatch(/NaN|Infinity|Downloading|Most asked for/);
  });

  test("--since is passed on as a span, and --json prints what came", async () => {
    const asked: unknown[] = [];
    const operations = {
      stats: async (args: object) => {
        asked.push(args);
        return stats;
      },
    };
    const { stdout } = await run(["stats", "--since", "7d", "--json"], { operations });
    expect(asked).toEqual([{ sinceMs: 7 * 86_400_000 }]);
    expect(JSON.parse(stdout)).toEqual(stats);
  });
});
