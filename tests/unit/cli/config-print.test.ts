import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { makeTempDir } from "../../support/temp-dir.ts";
import { runMain } from "./run-main.ts";

const everything = `
server: { listen: "[::1]:5000", publicUrl: https://mirror.example.com }
storage: { path: "/var/lib/$\${x}", maxSize: 1.5TB, minFree: 2.5%, maxAge: off }
scrub: { rate: 1500KB/s, every: off }
tags: { serveStaleFor: 0s }
rules:
  - match: docker.io/library/node:*
    revalidateAfter: 90m
    immutable: true
    onUpstreamDelete: keep
    pin: false
    maxAge: off
    deny: "ask: me"
prefetch: { images: [node], platforms: [linux/arm64/v8], schedule: "@daily", timeZone: UTC }
upstreams:
  docker.io: { credentials: { username: me, password: "\${TOKEN}" } }
`;

async function print(text: string, ...options: string[]) {
  await using dir = await makeTempDir();
  await writeFile(join(dir.path, "mirror.config.yaml"), text);
  const env = { TOKEN: "hunter2" };
  const printed = await runMain(["config", "print", ...options], { cwd: dir.path, env });
  return { ...printed, directory: dir.path };
}

/** But for the secret, and where the rules stand. */
async function load(text: string): Promise<unknown> {
  await using dir = await makeTempDir();
  const file = join(dir.path, "mirror.yaml");
  await writeFile(file, text);
  const { config } = await loadConfig({ file, env: { TOKEN: "***" } });
  return { ...config, rules: withoutPlaces(config) };
}

function withoutPlaces({ rules }: Config) {
  return rules.map(({ pattern, ...rule }) => ({ ...rule, match: pattern.text, place: "" }));
}

describe("the printed configuration", () => {
  test("means the same when it is used as one", async () => {
    const { code, stdout, stderr } = await print(everything);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await load(stdout)).toEqual(await load(everything));
  });

  test.each([[[]], [["--json"]]])(
    "masks secrets, and no more than these, with %j",
    async (options) => {
      const { stdout } = await print(everything, ...options);
      expect(stdout).not.toContain("hunter2");
      expect(stdout).toContain("***");
      expect(stdout).toMatch(/username"?: "?me/);
    },
  );

  test("has the defaults too, in the words of the file", async () => {
    const { stdout, directory } = await print("", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      storage: { path: `${directory}/data`, maxSize: "50GiB", minFree: "5%", maxAge: "90d" },
      tags: { revalidateAfter: "1m" },
      upstreams: { "docker.io": { connections: 32 } },
    });
  });

  test("is not printed where it is wrong", async () => {
    const { code, stdout, stderr } = await print("rules: 5");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("rules: is not a list");
  });
});
