import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { makeTempDir } from "../../support/temp-dir.ts";
import { runMain } from "./run-main.ts";

const rules = `
rules:
  - match: docker.io/library/node:2?
    revalidateAfter: 90m
    deny: use 26
  - match: docker.io/library/*
    maxAge: off
    deny: true
`;

async function run(names: string[], { options = [], text = rules }: Options = {}) {
  await using dir = await makeTempDir();
  await writeFile(join(dir.path, "mirror.config.yaml"), text);
  return await runMain(["rules", "test", ...options, ...names], { cwd: dir.path });
}

interface Options {
  options?: string[];
  text?: string;
}

describe("entrepot rules test", () => {
  test("says what holds for a name, and which rule says so", async () => {
    expect(await run(["node:24"])).toEqual({
      code: 0,
      stdout: [
        "docker.io/library/node:24",
        "  KEY               VALUE   SET BY                MATCH",
        "  revalidateAfter   90m     mirror.config.yaml:3  docker.io/library/node:2?",
        "  serveStaleFor     30d     default",
        "  immutable         false   default",
        "  onUpstreamDelete  follow  default",
        "  pin               false   default",
        "  maxAge            off     mirror.config.yaml:6  docker.io/library/*",
        "  deny              use 26  mirror.config.yaml:3  docker.io/library/node:2?",
        "",
      ].join("\n"),
      stderr: "",
    });
  });

  test("prints one document as JSON", async () => {
    const { stdout } = await run(["node:24", `node@sha256:${"a".repeat(64)}`], {
      options: ["--json"],
    });
    expect(JSON.parse(stdout)).toMatchObject([
      { name: "docker.io/library/node:24" },
      {
        name: `docker.io/library/node@sha256:${"a".repeat(64)}`,
        settings: [
          { key: "revalidateAfter", value: "1m", source: "default" },
          { key: "serveStaleFor" },
          { key: "immutable", value: false },
          { key: "onUpstreamDelete", value: "follow" },
          { key: "pin" },
          { key: "maxAge", value: "off" },
          {
            key: "deny",
            value: true,
            source: "mirror.config.yaml:6",
            match: "docker.io/library/*",
          },
        ],
      },
    ]);
  });

  test("warns of a name that is not mirrored", async () => {
    const { code, stderr } = await run(["quay.io/a/b"]);
    expect(code).toBe(0);
    expect(stderr).toBe("warning: quay.io is not mirrored; configured: docker.io\n");
  });

  test("takes names only: wrong usage says which is none", async () => {
    const { code, stdout, stderr } = await run(["node", "Node", "node:"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^Node: repository name must be.*\nnode:: tag must be/);
  });

  test("needs a good configuration", async () => {
    const { code, stderr } = await run(["node"], { text: "rules: 5" });
    expect(code).toBe(2);
    expect(stderr).toBe(
      "mirror.config.yaml:1:8: rules: is not a list; write [a, b], or one entry a line, each after a -\n",
    );
  });
});
