import { readdir, readFile } from "node:fs/promises";

/** Of /proc/PID/stat; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

interface Stat {
  parent: number;
  cpuSeconds: number;
}

/** The process and what it started, as far as it still runs. */
async function listFamily(pid: number): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter((each) => Number.isInteger(each));
  const stats = await Promise.all(pids.map(readStat));
  const family = [pid];
  for (const parent of family) {
    family.push(...pids.filter((_, index) => stats[index]?.parent === parent));
  }
  return family;
}

/** User and system, since they began. */
export async function sumCpuSeconds(pid: number): Promise<number> {
  const stats = await Promise.all((await listFamily(pid)).map(readStat));
  return stats.reduce((sum, stat) => sum + (stat?.cpuSeconds ?? 0), 0);
}

/** What is shared by several processes counts for each. VmHWM is the peak of VmRSS. */
export async function sumMemory(pid: number, field: "VmHWM" | "VmRSS"): Promise<number> {
  const sizes = await Promise.all((await listFamily(pid)).map((each) => readMemory(each, field)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** undefined: it has ended. */
async function readStat(pid: number): Promise<Stat | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { parent: Number(fields[1]), cpuSeconds: ticks / ticksPerSecond };
}

async function readMemory(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0;
  return Number(kib) * 1024;
}
