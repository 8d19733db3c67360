import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";

/**
 * Names the time since the machine started: what was written in it is there, synced or not, unless
 * the machine went down since. Where the system does not tell, every process counts as a start.
 */
export async function readBootId(): Promise<string> {
  try {
    return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  } catch {
    return randomUUID();
  }
}
