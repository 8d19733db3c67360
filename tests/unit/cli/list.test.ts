import { describe, expect, test } from "@jest/globals";
import { digestOf } from "../../../src/oci/digest.ts";
import { parseRepositoryName, qualifyName } from "../../../src/oci/repository-name.ts";
import type {
  BlobEntry,
  Operations,
  RepositoryEntry,
  TagEntry,
} from "../../../src/registry/operations/operations.ts";
import { now, run } from "./run-program.ts";

const minute = 60_000;
const digest = digestOf(Buffer.from("a blob"));

function nameRepository(text: string) {
  return qualifyName("docker.io", parseRepositoryName(text));
}

const repositories: RepositoryEntry[] = [
  {
    name: nameRepository("library/node"),
    tags: 2,
    manifests: 12,
    blobs: 40,
    size: 12.34 * 1024 ** 2,
    usedAt: now - 3 * 60 * minute,
  },
  {
    name: nameRepository("library/alpine"),
    tags: 1,
    manifests: 1,
    blobs: 2,
    size: 512,
    usedAt: undefined,
  },
  {
    name: nameRepository("library/redis"),
    tags: 1,
    manifests: 1,
    blobs: 8,
    size: 2 * 1024 ** 3,
    usedAt: now,
  },
];

const listRepositories: Operations["listRepositories"] = async (_, { onEvent }) => {
  for (const entry of repositories) onEvent(entry);
  return { count: repositories.length };
};

function firstColumn(text: string): string[] {
  const [, ...rows] = text.trim().split("\n");
  return rows.map((row) => row.split(" ")[0] ?? "");
}

describe("entrepot ls", () => {
  test("prints repositories by name, aligned, with sizes and ages for people", async () => {
    const { code, stdout, stderr } = await run(["ls"], { operations: { listRepositories } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      "REPOSITORY                TAGS  MANIFESTS  BLOBS     SIZE  USED",
      "docker.io/library/alpine     1          1      2     512B  never",
      "docker.io/library/node       2         12     40  12.3MiB  3 hours ago",
      "docker.io/library/redis      1          1      8     2GiB  just now",
      "",
    ]);
  });

  test.each([
    ["size", ["redis", "node", "alpine"]],
    ["used", ["redis", "node", "alpine"]],
    ["name", ["alpine", "node", "redis"]],
  ])("--sort %s", async (order, expected) => {
    const { stdout } = await run(["ls", "--sort", order], { operations: { listRepositories } });
    expect(firstColumn(stdout)).toEqual(expected.map((name) => `docker.io/library/${name}`));
  });

  test("--json prints an array of the entries and nothing else", async () => {
    const { stdout } = await run(["ls", "--json"], { operations: { listRepositories } });
    const byName = [repositories[1], repositories[0], repositories[2]];
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(byName)));
  });

  test("passes the pattern on; where nothing is found it says so apart from the output", async () => {
    const asked: unknown[] = [];
    const operations: Partial<Operations> = {
      listRepositories: async (args) => {
        asked.push(args);
        return { count: 0 };
      },
    };
    expect(await run(["ls", "**/node*"], { operations })).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "no repositories found\n",
    });
    expect(await run(["ls", "--json"], { operations })).toMatchObject({ code: 0, stdout: "[]\n" });
    expect(asked).toEqual([{ pattern: "**/node*" }, {}]);
  });

  test("--tags prints tags with what they point to", async () => {
    const entry: TagEntry = {
      name: "docker.io/library/node:24",
      digest,
      size: 1024,
      usedAt: now - minute,
      checkedAt: now - 2 * minute,
      changedAt: now,
      pinned: true,
    };
    const operations: Partial<Operations> = {
      listTags: async (_, { onEvent }) => {
        onEvent(entry);
        return { count: 1 };
      },
    };
    const { stdout } = await run(["ls", "--tags"], { operations });
    expect(stdout).toMatch(
      /^docker\.io\/library\/node:24 {2}sha256:[0-9a-f]{12} {2}1KiB {2}60 seconds ago {2}2 minutes ago {2}yes$/m,
    );
  });

  test("--blobs prints whole digests, which other commands take", async () => {
    const entry: BlobEntry = {
      digest,
      size: 10,
      createdAt: now,
      usedAt: now,
      checkedAt: undefined,
      repositories: [nameRepository("library/node"), nameRepository("library/alpine")],
    };
    const operations: Partial<Operations> = {
      listBlobs: async (_, { onEvent }) => {
        onEvent(entry);
        return { count: 1 };
      },
    };
    const { stdout } = await run(["ls", "--blobs"], { operations });
    expect(stdout).toContain(
      `${digest}   10B  just now  never     docker.io/library/node docker.io/library/alpine\n`,
    );
  });

  test("takes more rows than a call takes arguments", async () => {
    const count = 200_000;
    const operations: Partial<Operations> = {
      listRepositories: async (_, { onEvent }) => {
        for (const entry of repositories.slice(0, 1)) {
          for (let index = 0; index < count; index += 1) onEvent(entry);
        }
        return { count };
      },
    };
    const { stdout } = await run(["ls"], { operations });
    expect(stdout.split("\n")).toHaveLength(count + 2);
  });

  test.each([[["--tags", "--blobs"]], [["--sort", "age"]], [["a", "b"]]])(
    "%j is wrong usage",
    async (args) => {
      const { code, stdout, stderr } = await run(["ls", ...args]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/^error: .*\n[^]*Usage: entrepot ls/);
    },
  );
});
