import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

interface MirrorProcessOptions {
  /** Holds the configuration and, below it, the storage. */
  directory: string;
  /** Base URLs of the upstream. */
  endpoints: string[];
  /** Further lines of YAML at the top level. */
  settings?: string;
  /** Added to the environment. */
  env?: Record<string, string>;
}

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const startTimeoutMs = 15_000;

/** The mirror as a process of its own, as `entrepot serve` starts it; killed when disposed of. */
export class MirrorProcess implements AsyncDisposable {
  readonly url: string;
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, exited: Promise<number | string>, url: string) {
    this.#child = child;
    this.exited = exited;
    this.url = url;
  }

  static async start(options: MirrorProcessOptions): Promise<MirrorProcess> {
    const config = `${options.directory}/mirror.yaml`;
    await writeFile(config, configText(options));
    const child = spawn(process.execPath, [main, "serve", "--config", config], {
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit").then(([code, signal]) => code ?? signal);
    try {
      return new MirrorProcess(child, exited, await readUrl(child));
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }
}

function configText({ endpoints, settings = "" }: MirrorProcessOptions): string {
  return `
server: { listen: "127.0.0.1:0", drainTimeout: 5s }
log: { format: json }
storage: { path: ./data }
upstreams:
  docker.io:
    endpoints: [${endpoints.join(", ")}]
    stallTimeout: 20s
${settings}`;
}

/** From the log line that tells where it listens. */
async function readUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("the process has no output");
  const timer = setTimeout(() => child.kill("SIGKILL"), startTimeoutMs);
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const url = /"url":"(http:[^"]+)"/.exec(line)?.[1];
    if (url !== undefined) {
      clearTimeout(timer);
      // Nobody reads on, and the process must not stop at a full pipe.
      child.stdout.resume();
      return url;
    }
  }
  throw new Error("the mirror ended before it listened");
}
