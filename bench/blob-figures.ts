import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Program } from "./programs.ts";

const curl = promisify(execFile);
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface Figures {
  seconds: number;
  cpuPerGib: number;
}

/** What it took to hand out one blob, by work. */
export class BlobFigures {
  readonly #sizeMib: number;
  readonly #rows = new Map<string, Figures[]>();

  constructor(sizeMib: number) {
    this.#sizeMib = sizeMib;
  }

  /** By `clients` at once; a blob that does not come whole is an error. CPU is that of `server`. */
  async measure(
    work: string,
    { server, url, clients }: { server: Program; url: string; clients: number },
  ): Promise<void> {
    const cpuBefore = await server.cpuSeconds();
    const before = performance.now();
    const args = ["--silent", "--fail", "--output", "/dev/null", "--write-out", "%{size_download}"];
    const outputs = await Promise.all(
      Array.from({ length: clients }, () => curl("curl", [...args, url])),
    );
    const seconds = (performance.now() - before) / 1000;
    if (outputs.some(({ stdout }) => Number(stdout) !== this.#sizeMib * 1024 * 1024)) {
      throw new Error(`${work}: a download came short`);
    }
    const cpu = (await server.cpuSeconds()) - cpuBefore;
    const figures = { seconds, cpuPerGib: cpu / ((clients * this.#sizeMib) / 1024) };
    this.#rows.set(work, [...(this.#rows.get(work) ?? []), figures]);
  }

  /** Medians. */
  print(): void {
    const [first = []] = this.#rows.values();
    console.log(`${this.#sizeMib} MiB, medians of ${first.length} runs`);
    for (const [work, figures] of this.#rows) {
      const seconds = median(figures.map((figure) => figure.seconds));
      const cpu = median(figures.map((figure) => figure.cpuPerGib));
      console.log(`${work.padEnd(40)} ${seconds} s  ${cpu} CPU s/GiB`);
    }
  }
}

function median(values: number[]): string {
  return (values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0).toFixed(2);
}

/** A registry with one blob: its origin is `found[0]`, the blob's path `found[1]`. */
export function startUpstream(sizeMib: number, ...options: string[]): Promise<Program> {
  return Program.start(
    [here("blob-upstream.ts"), String(sizeMib), ...options],
    /^(http:\S+) (\S+)$/,
  );
}

/** The built mirror of docker.io, with nothing in its cache; `settings` are that upstream's, as YAML. */
export async function withMirror(
  settings: string,
  work: (mirror: Program, origin: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "entrepot-bench-"));
  const config = join(directory, "mirror.yaml");
  const lines = [
    "server: { listen: 127.0.0.1:0 }",
    "log: { format: json }",
    `upstreams: { docker.io: ${settings} }`,
  ];
  await writeFile(config, lines.join("\n"));
  try {
    const args = [here("../dist/main.js"), "serve", "--config", config];
    await using mirror = await Program.start(args, /"url":"([^"]+)"/);
    await work(mirror, mirror.found[0] ?? "");
  } finally {
    await rm(directory, { recursive: true });
  }
}
