import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { makeTempDir } from "../../support/temp-dir.ts";

const lockModule = JSON.stringify(pathToFileURL(resolve("scripts/setup-lock.mjs")).href);

/** Takes the lock as setup.mjs does, and fails if somebody else is inside meanwhile. */
const contender = `
import { mkdirSync, rmdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { acquireLock, breakLock, findOwner, isDead } from ${lockModule};
for (let times = 0; times < 5; ) {
  const owner = findOwner();
  if (owner && isDead(owner)) breakLock(owner);
  const lock = owner ? undefined : acquireLock();
  if (lock) {
    mkdirSync("inside");
    await delay(2);
    rmdirSync("inside");
    lock.release();
    times++;
  }
  await delay(1);
}
`;

const holder = `
import { acquireLock } from ${lockModule};
console.log(acquireLock() ? "held" : "taken");
`;

/** `title` makes the process look like a set-up where there is /proc. */
function run(script: string, cwd: string): ChildProcess {
  const args = ["--title=setup", "--input-type=module", "--eval", script];
  return spawn(process.execPath, args, {
    cwd,
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 30_000,
  });
}

async function finish(child: ChildProcess): Promise<number | null> {
  await once(child, "close");
  return child.exitCode;
}

/** A lock as its owner left it; `silentMs` since its last sign of life. */
async function leaveLock(directory: string, owner: { host: string; pids: number[] }, silentMs = 0) {
  const file = join(directory, ".setup-lock/owner.json");
  await mkdir(join(directory, ".setup-lock"));
  await writeFile(file, JSON.stringify({ token: "left-behind", ...owner }));
  const time = new Date(Date.now() - silentMs);
  await utimes(file, time, time);
}

async function judge(directory: string): Promise<string> {
  const script = `import { findOwner, isDead } from ${lockModule}; console.log(isDead(findOwner()));`;
  const child = run(script, directory);
  const output = child.stdout ? await text(child.stdout) : "";
  return output.trim();
}

describe("the set-up's lock", () => {
  test("lets one process in at a time, also when it must be taken from one that was killed", async () => {
    await using dir = await makeTempDir();
    const first = run(holder, dir.path);
    if (first.stdout) await once(first.stdout, "data");
    const killed = finish(first);
    first.kill("SIGKILL");
    await killed;
    expect(await readdir(dir.path)).toEqual([".setup-lock"]);

    const contenders = [1, 2, 3, 4].map(() => run(contender, dir.path));
    expect(await Promise.all(contenders.map(finish))).toEqual([0, 0, 0, 0]);
    expect(await readdir(dir.path)).not.toContain(".setup-lock");
  });

  test("is not free for a second one while the first lives", async () => {
    await using dir = await makeTempDir();
    const first = run(`${holder} setInterval(() => {}, 1000);`, dir.path);
    try {
      if (first.stdout) await once(first.stdout, "data");
      expect(await judge(dir.path)).toBe("false");
      const second = run(`${holder} process.exit();`, dir.path);
      expect(second.stdout && (await text(second.stdout))).toBe("taken\n");
    } finally {
      const ended = finish(first);
      first.kill("SIGKILL");
      await ended;
    }
  });

  test("is dead without any of its processes, alive with one", async () => {
    await using child = await startIdleSetup();
    const gone = 2 ** 22 + 1;
    await using dead = await makeTempDir();
    await leaveLock(dead.path, { host: hostname(), pids: [gone] });
    expect(await judge(dead.path)).toBe("true");
    await using orphaned = await makeTempDir();
    await leaveLock(orphaned.path, { host: hostname(), pids: [gone, child.pid] });
    expect(await judge(orphaned.path)).toBe("false");
  });

  test("is dead when a pid was given again and its owner has long been silent", async () => {
    await using child = await startIdleSetup();
    await using dir = await makeTempDir();
    await leaveLock(dir.path, { host: hostname(), pids: [child.pid] }, 3_600_000);
    expect(await judge(dir.path)).toBe("true");
  });

  test("of another host is judged by its signs of life alone", async () => {
    await using recent = await makeTempDir();
    await leaveLock(recent.path, { host: "elsewhere", pids: [1] }, 1000);
    expect(await judge(recent.path)).toBe("false");
    await using silent = await makeTempDir();
    await leaveLock(silent.path, { host: "elsewhere", pids: [1] }, 60_000);
    expect(await judge(silent.path)).toBe("true");
  });
});

/** A process that looks like a set-up and does nothing. */
async function startIdleSetup() {
  const child = run('console.log("up"); setInterval(() => {}, 1000);', ".");
  if (child.stdout) await once(child.stdout, "data");
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      const ended = finish(child);
      child.kill("SIGKILL");
      await ended;
    },
  };
}
