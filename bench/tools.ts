import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { PeerName } from "./peers/peers.ts";

/** Where Debian keeps nginx is not on everybody's path. */
const systemDirectories = ["/usr/sbin", "/usr/local/sbin"];

/** What is needed and not there, with how to get it; undefined: nothing. */
export async function describeMissing(
  tools: readonly string[],
  peers: readonly PeerName[],
): Promise<string | undefined> {
  const needed = [...new Set([...tools, ...peers])];
  const found = await Promise.all(needed.map(isInstalled));
  const missing = needed.filter((_, index) => found[index] !== true);
  if (missing.length === 0) return undefined;
  const lines = [
    `missing: ${missing.join(", ")}`,
    `  on Debian and Ubuntu: apt-get install ${missing.join(" ")}`,
  ];
  const left = peers.filter((peer) => !missing.includes(peer));
  if (left.length + missing.length === peers.length) {
    lines.push(`  or go on without: --peers ${left.length === 0 ? "none" : left.join(",")}`);
  }
  return lines.join("\n");
}

/** Before anything is started. */
export function addSystemDirectories(): void {
  process.env["PATH"] = [process.env["PATH"], ...systemDirectories].join(delimiter);
}

async function isInstalled(command: string): Promise<boolean> {
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  const checks = directories.map(async (directory) => {
    await access(join(directory, command), constants.X_OK);
  });
  return Promise.any(checks).then(
    () => true,
    () => false,
  );
}
