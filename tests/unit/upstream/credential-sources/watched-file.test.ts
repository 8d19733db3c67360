import { mkdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { WatchedFile } from "../../../../src/upstream/credential-sources/watched-file.ts";
import { UpstreamError } from "../../../../src/upstream/upstream.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";
import { ManualClock } from "../manual-clock.ts";
import { captureLog } from "../open-upstream.ts";

const secondMs = 1000;

interface Watched extends AsyncDisposable {
  dir: string;
  path: string;
  file: WatchedFile<{ text: string }>;
  clock: ManualClock;
  lines: string[];
}

/** Of what is in the file, all but "broken" makes sense. */
async function watch(text?: string): Promise<Watched> {
  const temp = await makeTempDir();
  const path = join(temp.path, "secret");
  if (text !== undefined) await writeFile(path, text);
  const clock = new ManualClock();
  const { log, lines } = captureLog();
  const file = new WatchedFile({ path, parse, clock, log });
  const dispose = () => temp[Symbol.asyncDispose]();
  return { dir: temp.path, path, file, clock, lines, [Symbol.asyncDispose]: dispose };
}

function parse(text: string): { text: string } {
  if (text.includes("broken")) throw new UpstreamError("credentials", "is no good");
  return { text };
}

describe("WatchedFile", () => {
  test("gives the same object while the file is the same", async () => {
    await using watched = await watch("one");
    const first = await watched.file.get();
    watched.clock.advance(10 * secondMs);
    expect(await watched.file.get()).toBe(first);
    expect(first).toEqual({ text: "one" });
  });

  test("looks at the file once a second at most", async () => {
    await using watched = await watch("one");
    await watched.file.get();
    await writeFile(watched.path, "other");
    watched.clock.advance(secondMs - 1);
    expect(await watched.file.get()).toEqual({ text: "one" });
    watched.clock.advance(1);
    expect(await watched.file.get()).toEqual({ text: "other" });
  });

  test("sees a file that was put in its place with an older time and the same size", async () => {
    await using watched = await watch("one");
    const when = new Date("2020-01-01T00:00:00Z");
    await utimes(watched.path, when, when);
    await watched.file.get();
    const next = join(watched.dir, "next");
    await writeFile(next, "two");
    await utimes(next, when, when);
    await rename(next, watched.path);
    watched.clock.advance(secondMs);
    expect(await watched.file.get()).toEqual({ text: "two" });
  });

  test("sees a link that leads elsewhere now, as Kubernetes changes its secrets", async () => {
    await using watched = await watch();
    const { dir, path, file, clock } = watched;
    for (const version of ["v1", "v2"]) {
      await mkdir(join(dir, version));
      await writeFile(join(dir, version, "secret"), version);
    }
    await symlink("v1", join(dir, "current"));
    await symlink(join("current", "secret"), path);
    expect(await file.get()).toEqual({ text: "v1" });
    await symlink("v2", join(dir, "next"));
    await rename(join(dir, "next"), join(dir, "current"));
    clock.advance(secondMs);
    expect(await file.get()).toEqual({ text: "v2" });
  });

  test.each([
    ["is gone", (path: string) => rm(path)],
    ["makes no sense", (path: string) => writeFile(path, "broken and secret")],
    ["is too long", (path: string) => writeFile(path, "a".repeat(1_048_577))],
  ])("keeps what it last had while the file %s, and says so once", async (_, damage) => {
    await using watched = await watch("one");
    const { path, file, clock, lines } = watched;
    await file.get();
    await damage(path);
    for (let round = 0; round < 3; round += 1) {
      clock.advance(secondMs);
      expect(await file.get()).toEqual({ text: "one" });
    }
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(path);
    expect(lines[0]).not.toContain("broken and secret");
    await writeFile(path, "mended");
    clock.advance(secondMs);
    expect(await file.get()).toEqual({ text: "mended" });
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain("can be read again");
  });

  test.each([
    ["there is no file", undefined, "does not exist"],
    ["the file makes no sense", "broken", "is no good"],
  ])("fails while %s and never was another, until there is", async (_, text, reason) => {
    await using watched = await watch(text);
    const { path, file, clock } = watched;
    await expect(file.get()).rejects.toMatchObject({
      failure: "credentials",
      message: `${path} ${reason}`,
    });
    await writeFile(path, "good");
    await expect(file.get()).rejects.toThrow(reason);
    clock.advance(secondMs);
    expect(await file.get()).toEqual({ text: "good" });
  });

  test("fails on a directory without a word on what is in it", async () => {
    await using watched = await watch();
    await mkdir(watched.path);
    await expect(watched.file.get()).rejects.toThrow("is no regular file");
  });

  test("reads once for all who ask at the same time", async () => {
    await using watched = await watch("one");
    const all = await Promise.all([watched.file.get(), watched.file.get(), watched.file.get()]);
    expect(new Set(all).size).toBe(1);
  });

  test("reads again at once when it is told to, also what has kept its times", async () => {
    await using watched = await watch("one");
    const { path, file } = watched;
    const when = new Date("2020-01-01T00:00:00Z");
    await utimes(path, when, when);
    await file.get();
    await writeFile(path, "two");
    await utimes(path, when, when);
    file.recheck();
    expect(await file.get()).toEqual({ text: "two" });
  });
});
