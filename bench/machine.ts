import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpus, release, totalmem } from "node:os";
import { promisify } from "node:util";
import type { PeerName } from "./peers/peers.ts";
import { median } from "./quantile.ts";

const execute = promisify(execFile);

export interface Machine {
  cpu: string;
  cores: number;
  memoryGib: number;
  kernel: string;
  node: string;
  /** Of the peers. */
  versions: Record<string, string>;
  /** MB/s of one core: a cold blob's last byte waits for its digest. */
  sha256: number;
}

const versionFlags: Record<PeerName, string> = { "docker-registry": "--version", nginx: "-v" };

export async function describeMachine(peers: readonly PeerName[]): Promise<Machine> {
  const all = cpus();
  const versions = await Promise.all(peers.map(async (peer) => [peer, await readVersion(peer)]));
  return {
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
    versions: Object.fromEntries(versions),
    sha256: measureSha256(),
  };
}

export function formatMachine(machine: Machine): string {
  const { cpu, cores, memoryGib, kernel, node, versions, sha256 } = machine;
  const peers = Object.entries(versions).map(([name, version]) => `, ${name} ${version}`);
  return `${cpu}, ${cores} cores, ${memoryGib} GiB; Linux ${kernel}; Node ${node}${peers.join("")}; SHA-256 ${sha256.toFixed(0)} MB/s on one core`;
}

async function readVersion(peer: PeerName): Promise<string> {
  const { stdout, stderr } = await execute(peer, [versionFlags[peer]]);
  return /\d+\.\d+[\w.+-]*/.exec(stdout + stderr)?.[0] ?? "of unknown version";
}

function measureSha256(): number {
  const chunk = Buffer.alloc(64 * 1024 * 1024);
  const rates = [1, 2, 3].map(() => {
    const before = performance.now();
    createHash("sha256").update(chunk).digest();
    return chunk.length / 1000 / (performance.now() - before);
  });
  return median(rates);
}
