import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./e2e-process.ts";

const HOSTS = "/etc/hosts";

/** Makes a name lead to loopback until it is disposed of, by a file mounted over the machine's. */
export async function nameLoopback(directory: string, name: string): Promise<AsyncDisposable> {
  const path = join(directory, "hosts");
  await writeFile(path, `${await readFile(HOSTS, "utf8")}\n127.0.0.1 ${name}\n`);
  await run("mount", ["--bind", path, HOSTS]);
  return { [Symbol.asyncDispose]: async () => void (await run("umount", [HOSTS])) };
}
