import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

interface Surroundings {
  cwd: string;
  env?: NodeJS.ProcessEnv;
}

const mainFile = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));

/** Runs the program as a process of its own to its end, for at most 20 s. */
export async function runMain(args: string[], { cwd, env = {} }: Surroundings): Promise<Result> {
  const child = spawn(process.execPath, [mainFile, ...args], {
    cwd,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
  const closed = once(child, "close");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await closed;
  return { code: child.exitCode, stdout, stderr };
}
