import { describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { download } from "../support/e2e-http.ts";
import { RunningProgram, run, type ProgramOptions } from "../support/e2e-process.ts";
import { projectRoot } from "../support/e2e-project.ts";
import { eventually, within } from "../support/wait.ts";
import { makeTempDir } from "../support/temp-dir.ts";

const SETUP_TIMEOUT_MS = 180_000;
const SMALL_TEST = "tests/unit/oci";

/** What `git clone` would give once all is committed. */
async function cloneInto(directory: string): Promise<void> {
  await mkdir(directory);
  const script = `git ls-files --cached --others --exclude-standard -z |
    tar --create --null --files-from=- | tar --extract --directory="$1"`;
  await run("sh", ["-c", script, "sh", directory], { cwd: projectRoot });
}

/**
 * The environment of somebody who types npm into a shell: the system's Node, nothing of the npm
 * that runs these tests. Packages come out of npm's cache, which the installation of this checkout
 * has filled.
 */
function newcomersOptions(cwd: string): ProgramOptions {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
  const path = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((part) => !part.includes("node_modules"))
    .join(delimiter);
  const env = { ...Object.fromEntries(inherited), PATH: path, npm_config_offline: "true" };
  return { cwd, env, ownEnvironment: true, ownGroup: true };
}

function isServing(server: RunningProgram): Promise<boolean> {
  if (!server.isRunning) throw new Error(`npm start ended:\n${server.output}`);
  return download("http://127.0.0.1:5000/v2/").then(
    ({ status }) => status === 200,
    () => false,
  );
}

describe("a fresh clone", () => {
  test("serves and passes tests when npm start and npm test are typed at the same time", async () => {
    await using directory = await makeTempDir();
    const clone = join(directory.path, "clone");
    await cloneInto(clone);
    const options = newcomersOptions(clone);

    await using server = new RunningProgram("npm", ["start"], options);
    await using tests = new RunningProgram("npm", ["test", "--", SMALL_TEST], options);

    await within("npm test", SETUP_TIMEOUT_MS, tests.exited);
    expect(tests.output).toMatch(/Tests: +[1-9]\d* passed/);
    expect(await tests.exited).toBe(0);
    await eventually("npm start to serve", () => isServing(server), SETUP_TIMEOUT_MS);
    // It serves a moment before it says so.
    await eventually("npm start to say where", () => server.output.includes("5000"));
  }, 300_000);

  test("passes tests after its set-up was killed in the middle", async () => {
    await using directory = await makeTempDir();
    const clone = join(directory.path, "clone");
    await cloneInto(clone);
    const options = newcomersOptions(clone);
    const modules = join(clone, "node_modules");

    await using killed = new RunningProgram("npm", ["test", "--", SMALL_TEST], options);
    await eventually(
      "packages to arrive",
      async () => existsSync(modules) && (await readdir(modules)).length > 10,
      SETUP_TIMEOUT_MS,
    );
    killed.signal("SIGKILL");
    await killed.exited;
    expect(existsSync(join(modules, ".package-lock.json"))).toBe(false);

    await using again = new RunningProgram("npm", ["test", "--", SMALL_TEST], options);
    await within("npm test", SETUP_TIMEOUT_MS, again.exited);
    expect(again.output).toMatch(/Tests: +[1-9]\d* passed/);
    expect(await again.exited).toBe(0);
  }, 300_000);
});
