import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeTempDir } from "../../../support/temp-dir.ts";

export interface HelperPrograms extends AsyncDisposable {
  path: string;
  /** With these programs in its PATH, besides the system's. */
  environment: Record<string, string>;
  /** Makes `docker-credential-NAME` of a shell script; it notes what it is asked. */
  write(name: string, script: string): Promise<void>;
  /** What they were asked, in order: `NAME get SERVER`. */
  readCalls(): Promise<string[]>;
}

export async function makeHelperPrograms(): Promise<HelperPrograms> {
  const dir = await makeTempDir();
  const calls = join(dir.path, "calls");
  await writeFile(calls, "");
  return {
    path: dir.path,
    environment: { PATH: `${dir.path}:/usr/bin:/bin`, FLAVOUR: "vanilla" },
    async write(name, script) {
      const lines = ["#!/bin/sh", "server=$(cat)", `echo "${name} $1 $server" >> ${calls}`, script];
      await writeFile(join(dir.path, `docker-credential-${name}`), lines.join("\n"), {
        mode: 0o755,
      });
    },
    async readCalls() {
      return (await readFile(calls, "utf8")).split("\n").slice(0, -1);
    },
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}

/** A script that prints these credentials. */
export function answerScript(username: string, secret: string): string {
  return `printf '%s' '${JSON.stringify({ ServerURL: "x", Username: username, Secret: secret })}'`;
}
