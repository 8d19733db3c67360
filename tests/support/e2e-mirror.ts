import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, send } from "./e2e-http.ts";
import { run, RunningProgram } from "./e2e-process.ts";
import { projectRoot } from "./e2e-project.ts";
import { eventually, within } from "./wait.ts";

export interface MirrorOptions {
  /** Holds its configuration, and its storage unless `storagePath` is given. */
  directory: string;
  /** Endpoint of docker.io. */
  endpoint: string;
  storagePath?: string;
  /** As in the configuration file; "1h" unless given, so that tags stay fresh during a test. */
  revalidateAfter?: string;
  /** Further keys of `storage`, as in the configuration file: `{ maxSize: "60MiB" }`. */
  storage?: Record<string, string>;
  /** Further keys at the top level. */
  settings?: Record<string, unknown>;
  /** Added to the environment of server and commands; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
}

/** `dist/main.js serve` as a process of its own, always on the same port. */
export class BuiltMirror implements AsyncDisposable {
  /** host:port, as clients write it. */
  readonly host: string;
  readonly storagePath: string;
  readonly #configFile: string;
  readonly #env: Record<string, string | undefined>;
  readonly #programs: RunningProgram[] = [];

  private constructor(parts: {
    host: string;
    storagePath: string;
    configFile: string;
    env: Record<string, string | undefined>;
  }) {
    this.host = parts.host;
    this.storagePath = parts.storagePath;
    this.#configFile = parts.configFile;
    this.#env = parts.env;
  }

  static async start(options: MirrorOptions): Promise<BuiltMirror> {
    const host = `127.0.0.1:${await freePort()}`;
    const configFile = join(options.directory, "mirror.config.yaml");
    await mkdir(options.directory, { recursive: true });
    await writeFile(configFile, JSON.stringify(configuration(host, options), undefined, 2));
    const storagePath = storagePathOf(options);
    const { env = {} } = options;
    const mirror = new BuiltMirror({ host, storagePath, configFile, env });
    await mirror.start();
    return mirror;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  async start(): Promise<void> {
    const program = this.launch("serve");
    this.#programs.push(program);
    await eventually("the mirror to answer", async () => {
      if (!program.isRunning) throw new Error(`the mirror ended:\n${program.output}`);
      return this.isAnswering();
    });
  }

  async isAnswering(): Promise<boolean> {
    try {
      const res = await send(`${this.url}/v2/`);
      res.resume();
      return res.statusCode === 200;
    } catch {
      return false;
    }
  }

  /** All that the server printed, over all its starts. */
  get log(): string {
    return this.#programs.map(({ output }) => output).join("");
  }

  /** Of the server. */
  get pid(): number {
    if (!this.#program) throw new Error("the mirror was never started");
    return this.#program.pid;
  }

  /** Asks it to end; `exited` tells how it did. */
  terminate(): void {
    this.#program?.signal("SIGTERM");
  }

  async exited(timeoutMs = 20_000): Promise<number | string> {
    if (!this.#program) throw new Error("the mirror was never started");
    return within("the mirror to end", timeoutMs, this.#program.exited);
  }

  async restart(): Promise<void> {
    this.terminate();
    await this.exited();
    await this.start();
  }

  /** `entrepot ARGUMENTS` with this mirror's configuration; rejects when it does not exit with 0. */
  async command(...args: string[]): Promise<string> {
    return run(process.execPath, this.#argumentsFor(args), { env: this.#env });
  }

  /** The same, while it runs and however it ends. */
  launch(...args: string[]): RunningProgram {
    return new RunningProgram(process.execPath, this.#argumentsFor(args), { env: this.#env });
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#program?.signal("SIGKILL");
    await this.exited();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
  }

  get #program(): RunningProgram | undefined {
    return this.#programs.at(-1);
  }

  #argumentsFor(args: string[]): string[] {
    return [join(projectRoot, "dist", "main.js"), ...args, "--config", this.#configFile];
  }
}

function storagePathOf({ directory, storagePath }: MirrorOptions): string {
  return storagePath ?? join(directory, "data");
}

function configuration(listen: string, options: MirrorOptions): object {
  const { endpoint, revalidateAfter, storage, settings } = options;
  return {
    server: { listen },
    log: { format: "json" },
    storage: { path: storagePathOf(options), ...storage },
    tags: { revalidateAfter: revalidateAfter ?? "1h" },
    upstreams: { "docker.io": { endpoints: [endpoint] } },
    ...settings,
  };
}
