/**
 * How fast the built mirror hands out one blob, cold and warm, beside a direct download:
 * `npm run build && node bench/blobs.ts [MiB, 256] [runs, 5]`. Clients are curl; times are theirs,
 * CPU is the serving program's. Prints medians.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { Program } from "./programs.ts";

const sizeMib = Number(process.argv[2] ?? 256);
const runs = Number(process.argv[3] ?? 5);
const curl = promisify(execFile);
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface Figures {
  seconds: number;
  cpuPerGib: number;
}

const rows = new Map<string, Figures[]>();

/** `clients` at once; a blob that does not come whole is an error. */
async function measure(name: string, server: Program, url: string, clients: number): Promise<void> {
  const cpuBefore = await server.cpuSeconds();
  const before = performance.now();
  const args = ["--silent", "--fail", "--output", "/dev/null", "--write-out", "%{size_download}"];
  const outputs = await Promise.all(
    Array.from({ length: clients }, () => curl("curl", [...args, url])),
  );
  const seconds = (performance.now() - before) / 1000;
  if (outputs.some(({ stdout }) => Number(stdout) !== sizeMib * 1024 * 1024)) {
    throw new Error(`${name}: a download came short`);
  }
  const cpu = (await server.cpuSeconds()) - cpuBefore;
  const figures = { seconds, cpuPerGib: cpu / ((clients * sizeMib) / 1024) };
  rows.set(name, [...(rows.get(name) ?? []), figures]);
}

async function measureMirror(origin: string, path: string, clients: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "entrepot-bench-"));
  const config = join(directory, "mirror.yaml");
  const lines = [
    "server: { listen: 127.0.0.1:0 }",
    "log: { format: json }",
    `upstreams: { docker.io: { endpoints: ["${origin}"] } }`,
  ];
  await writeFile(config, lines.join("\n"));
  try {
    const args = [here("../dist/main.js"), "serve", "--config", config];
    await using mirror = await Program.start(args, /"url":"([^"]+)"/);
    const url = `${mirror.found[0]}${path}`;
    await measure(`cold, clients: ${clients}`, mirror, url, clients);
    // Syncing the blob to disk goes on after the last client has it.
    await delay(1000);
    await measure(`warm, clients: ${clients}`, mirror, url, clients);
  } finally {
    await rm(directory, { recursive: true });
  }
}

function median(values: number[]): string {
  return (values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0).toFixed(2);
}

await using upstream = await Program.start(
  [here("blob-upstream.ts"), String(sizeMib)],
  /^(http:\S+) (\S+)$/,
);
const [origin = "", path = ""] = upstream.found;
for (let run = 0; run < runs; run += 1) {
  await measure("direct, clients: 1", upstream, origin + path, 1);
  for (const clients of [1, 8]) await measureMirror(origin, path, clients);
}
console.log(`${sizeMib} MiB, medians of ${runs} runs`);
for (const [name, figures] of rows) {
  const seconds = median(figures.map((figure) => figure.seconds));
  const cpu = median(figures.map((figure) => figure.cpuPerGib));
  console.log(`${name.padEnd(20)} ${seconds} s  ${cpu} CPU s/GiB`);
}
