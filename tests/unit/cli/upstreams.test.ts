import { describe, expect, test } from "@jest/globals";
import type { UpstreamEntry } from "../../../src/registry/operations/operations.ts";
import { now, run } from "./run-program.ts";

const unused = { state: "unused", requests: 0, failures: 0, lies: 0 } as const;

const hub: UpstreamEntry = {
  host: "docker.io",
  isDefault: true,
  strategy: "ordered",
  endpoints: [
    {
      url: "https://registry-1.docker.io",
      trust: "full",
      state: "ok",
      latencyMs: 82.4,
      bytesPerSecond: 12.5 * 1024 ** 2,
      requests: 1200,
      failures: 3,
      lies: 0,
      lastError: {
        at: now - 120_000,
        failure: "timeout",
        message: "https://registry-1.docker.io: no answer",
      },
    },
    {
      url: "https://cheap.example",
      trust: "content",
      state: "distrusted",
      requests: 9,
      failures: 1,
      lies: 2,
    },
  ],
  accounts: [
    {
      name: "anonymous",
      budget: { limit: 100, remaining: 76, windowMs: 21_600_000, toldAt: now },
    },
  ],
};

const quay: UpstreamEntry = {
  host: "quay.io",
  isDefault: false,
  strategy: "fastest",
  endpoints: [{ url: "https://quay.io", trust: "full", ...unused }],
  accounts: [
    { name: "build-bot", budget: { limit: 200, remaining: 12, windowMs: 3_600_000, toldAt: now } },
    { name: "ci", restsUntil: now + 300_000 },
    { name: "token file" },
  ],
};

const pattern: UpstreamEntry = {
  host: "*.pkg.dev",
  isDefault: false,
  strategy: "ordered",
  endpoints: [],
  accounts: [],
};

function listing(...upstreams: UpstreamEntry[]) {
  return { operations: { listUpstreams: async () => upstreams } };
}

describe("entrepot upstreams", () => {
  test("prints a line for each endpoint", async () => {
    const outcome = await run(["upstreams"], listing(hub, quay, pattern));
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    const rows = outcome.stdout.trimEnd().split("\n");
    expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
      [
        "UPSTREAM",
        "ENDPOINT",
        "TRUST",
        "STATE",
        "LATENCY",
        "RATE",
        "BUDGET",
        "FAILED",
        "LIES",
        "LAST ERROR",
      ],
      [
        "docker.io (default)",
        "https://registry-1.docker.io",
        "full",
        "ok",
        "82 ms",
        "12.5MiB/s",
        "76 of 100 per 6h",
        "3 of 1,200",
        "0",
        "2 minutes ago: timeout: https://registry-1.docker.io: no answer",
      ],
      [
        "docker.io (default)",
        "https://cheap.example",
        "content",
        "distrusted",
        "-",
        "-",
        "-",
        "1 of 9",
        "2",
        "-",
      ],
      [
        "quay.io",
        "https://quay.io",
        "full",
        "unused",
        "-",
        "-",
        "build-bot: 12 of 200 per 1h, ci: rests for 5 minutes, token file: -",
        "-",
        "0",
        "-",
      ],
      ["*.pkg.dev", "-", "-", "unused", "-", "-", "-", "-", "-", "-"],
    ]);
  });

  test("says where nothing was measured that no server may run", async () => {
    const outcome = await run(["upstreams"], listing(quay, pattern));
    expect(outcome.stderr).toBe(
      "nothing was measured: no server runs, or nothing was asked of them yet\n",
    );
  });

  test("--json prints what came, and nothing else", async () => {
    const { stdout, stderr } = await run(["upstreams", "--json"], listing(quay, pattern));
    expect(JSON.parse(stdout)).toEqual([quay, pattern]);
    expect(stderr).toBe("");
  });
});
