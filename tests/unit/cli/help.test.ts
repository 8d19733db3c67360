import { describe, expect, test } from "@jest/globals";
import { run } from "./run-program.ts";

const commands = [
  "ls",
  "show",
  "stats",
  "pin",
  "unpin",
  "pins",
  "rm",
  "evict",
  "verify",
  "prefetch",
];

describe("help", () => {
  test("names every command", async () => {
    const { code, stdout, stderr } = await run(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const others = ["serve", "healthcheck", "config", "rules", "upstreams", "setup"];
    for (const command of [...commands, ...others]) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
    }
  });

  test.each([...commands, "config check", "config print", "rules test", "setup check"])(
    "of %s has examples, the configuration and what it prints",
    async (command) => {
      const { code, stdout } = await run([...command.split(" "), "--help"]);
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^Usage: entrepot ${command} \\[options\\]`));
      expect(stdout).toContain(`Examples:\n  $ entrepot ${command}`);
      expect(stdout).toContain("--config <file>");
      expect(stdout).toContain("--json");
    },
  );
});
