import { spawn, type ChildProcess } from "node:child_process";
import { within } from "./wait.ts";

export interface ProgramOptions {
  cwd?: string;
  /** Added to the environment of the tests, or in place of it. */
  env?: Record<string, string | undefined>;
  ownEnvironment?: boolean;
  /** Signals go to what it starts, too. */
  ownGroup?: boolean;
  /** For `run`: how long it may take. */
  timeoutMs?: number;
  /** For `run`: what it reads. */
  input?: string | Buffer;
}

/** Debian's programs first: a machine may hold other versions of the same in /usr/local. */
const SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const STOP_TIMEOUT_MS = 15_000;
const RUN_TIMEOUT_MS = 120_000;

/** A program that runs until it is told to stop. What it prints is kept. */
export class RunningProgram implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ownGroup: boolean;
  readonly #chunks: { isError: boolean; bytes: Buffer }[] = [];
  /** Its exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.#ownGroup = options.ownGroup ?? false;
    const inherited = options.ownEnvironment ? {} : { ...process.env, PATH: SYSTEM_PATH };
    this.#child = spawn(command, args, {
      cwd: options.cwd,
      detached: this.#ownGroup,
      env: { ...inherited, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const keep = (isError: boolean) => (bytes: Buffer) => this.#chunks.push({ isError, bytes });
    this.#child.stdout?.on("data", keep(false));
    this.#child.stderr?.on("data", keep(true));
    // A program that reads nothing closes its end early.
    this.#child.stdin?.on("error", () => undefined).end(options.input);
    this.exited = this.#end();
    this.exited.catch(() => undefined);
  }

  /** Standard output and standard error, as they came. */
  get output(): string {
    return Buffer.concat(this.#chunks.map(({ bytes }) => bytes)).toString();
  }

  get standardOutput(): string {
    const chunks = this.#chunks.filter(({ isError }) => !isError);
    return Buffer.concat(chunks.map(({ bytes }) => bytes)).toString();
  }

  get standardError(): string {
    const chunks = this.#chunks.filter(({ isError }) => isError);
    return Buffer.concat(chunks.map(({ bytes }) => bytes)).toString();
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.#child.spawnfile} did not start`);
    return pid;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (!this.isRunning || pid === undefined) return;
    process.kill(this.#ownGroup ? -pid : pid, name);
  }

  /** SIGTERM, and SIGKILL for what ignores it. */
  async stop(timeoutMs = STOP_TIMEOUT_MS): Promise<number | string> {
    this.signal("SIGTERM");
    try {
      return await within("the program to stop", timeoutMs, this.exited);
    } catch (error) {
      this.signal("SIGKILL");
      await this.exited;
      throw new Error(`${this.#child.spawnfile} ignored SIGTERM:\n${this.output}`, {
        cause: error,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.stop();
  }

  #end(): Promise<number | string> {
    return new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      // "close" comes when its pipes are drained too, so that no output is missed.
      this.#child.once("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
    });
  }
}

/** Runs a program to its end and gives its standard output; rejects unless it ends with exit code 0. */
export async function run(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const program = new RunningProgram(command, args, options);
  const line = [command, ...args].join(" ");
  try {
    const end = await within(line, options.timeoutMs ?? RUN_TIMEOUT_MS, program.exited);
    if (end === 0) return program.standardOutput;
    throw new Error(`exit ${end}`);
  } catch (error) {
    program.signal("SIGKILL");
    throw new Error(`${line}\n${program.output}`, { cause: error });
  }
}
