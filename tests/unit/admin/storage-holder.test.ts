import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import pino from "pino";
import { describeHolder, StorageHolder } from "../../../src/admin/storage-holder.ts";
import { makeTempDir } from "../../support/temp-dir.ts";

const startedAt = Date.UTC(2026, 2, 1, 12);
const log = pino({ level: "silent" });

function announce(path: string) {
  return StorageHolder.announce({ path, startedAt, command: "entrepot serve", log });
}

async function writeHolder(path: string, holder: object): Promise<void> {
  const all = { pid: process.pid, host: hostname(), startedAt, command: "entrepot ls", ...holder };
  await writeFile(join(path, "server.json"), JSON.stringify(all));
}

/** The id of a process that has ended. */
async function findDeadProcess(): Promise<number> {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(child, "exit");
  if (child.pid === undefined) throw new Error("no process was started");
  return child.pid;
}

describe("who holds a storage", () => {
  test("is told while it is held, with the address once it is known, and no longer", async () => {
    await using dir = await makeTempDir();
    {
      await using holder = await announce(dir.path);
      const who = `process ${process.pid} on ${hostname()}`;
      const facts = "entrepot serve, since 2026-03-01T12:00:00Z";
      expect(await describeHolder(dir.path)).toBe(`${who} (${facts})`);
      await holder.noteUrl("http://0.0.0.0:5000");
      expect(await describeHolder(dir.path)).toBe(`${who} (${facts}, http://0.0.0.0:5000)`);
    }
    expect(await describeHolder(dir.path)).toBeUndefined();
    expect(await readdir(dir.path)).toEqual([]);
  });

  test("is not told of a process that has ended", async () => {
    await using dir = await makeTempDir();
    await writeHolder(dir.path, { pid: await findDeadProcess() });
    expect(await describeHolder(dir.path)).toBeUndefined();
  });

  test("is only guessed of another host, where processes cannot be seen", async () => {
    await using dir = await makeTempDir();
    await writeHolder(dir.path, { pid: 7, host: "elsewhere" });
    expect(await describeHolder(dir.path)).toMatch(/^perhaps process 7 on elsewhere \(/);
  });

  test.each(["", "{}", '{"pid":0}', "no JSON"])("is not told by %j", async (content) => {
    await using dir = await makeTempDir();
    await writeFile(join(dir.path, "server.json"), content);
    expect(await describeHolder(dir.path)).toBeUndefined();
  });

  test("is not told by a time that is none", async () => {
    await using dir = await makeTempDir();
    await writeHolder(dir.path, { startedAt: 1e300 });
    expect(await describeHolder(dir.path)).toBeUndefined();
  });

  test("is no reason to fail where it cannot be written down", async () => {
    await using dir = await makeTempDir();
    const path = join(dir.path, "nowhere");
    await using holder = await announce(path);
    await holder.noteUrl("http://0.0.0.0:5000");
    await mkdir(path);
    expect(await describeHolder(path)).toBeUndefined();
  });
});
