import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { isAnswering } from "./clients/http.ts";
import { sumCpuSeconds, sumMemory } from "./process-facts.ts";

interface ProgramOptions {
  command: string;
  args: string[];
  /** Answers /v2/ there once it is ready. */
  origin: string;
  /** Takes all it prints. */
  logFile: string;
  signal: AbortSignal;
}

const readyWithinMs = 60_000;
const endWithinMs = 15_000;
const idleWithinMs = 60_000;
const idlePollMs = 250;
/** One tick of the accounts, and the rounding of it. */
const idleCpuSeconds = 0.011;
const shownLogLength = 2000;

/** A server under measurement, with the processes that it starts. Ended when disposed of. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #options: ProgramOptions;

  private constructor(options: ProgramOptions) {
    const log = openSync(options.logFile, "a");
    this.#options = options;
    this.#child = spawn(options.command, options.args, { stdio: ["ignore", log, log] });
    this.#exited = once(this.#child, "exit").catch(() => undefined);
    closeSync(log);
  }

  /** Resolves once it answers. */
  static async start(options: ProgramOptions): Promise<Program> {
    const program = new Program(options);
    try {
      await program.#ready();
      return program;
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  get #pid(): number {
    return this.#child.pid ?? -1;
  }

  async readLog(): Promise<string> {
    return readFile(this.#options.logFile, "utf8");
  }

  /** For an error's message: whether it still runs, and what it wrote last. */
  async describeState(): Promise<string> {
    const { exitCode, signalCode } = this.#child;
    const state = this.#hasEnded ? `has ended with ${signalCode ?? exitCode}` : "still runs";
    return `it ${state}, and wrote:\n${(await this.readLog()).slice(-shownLogLength)}`;
  }

  /** CPU seconds that the action cost it, with what it does in the background afterwards. */
  async cpuSecondsOf(action: () => Promise<unknown>): Promise<number> {
    const before = await sumCpuSeconds(this.#pid);
    await action();
    return (await this.rest()) - before;
  }

  /** Resolves once it does nothing any more, to the CPU seconds so far. */
  async rest(): Promise<number> {
    const until = performance.now() + idleWithinMs;
    let before = -Infinity;
    for (;;) {
      const now = await sumCpuSeconds(this.#pid);
      if (now - before <= idleCpuSeconds) return now;
      if (performance.now() > until) throw new Error(`${this.#options.command} does not rest`);
      before = now;
      await delay(idlePollMs, undefined, { signal: this.#options.signal });
    }
  }

  async peakBytes(): Promise<number> {
    return sumMemory(this.#pid, "VmHWM");
  }

  async residentBytes(): Promise<number> {
    return sumMemory(this.#pid, "VmRSS");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.pid === undefined) return;
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), endWithinMs);
    this.#child.kill();
    if (!this.#hasEnded) await this.#exited;
    clearTimeout(timer);
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #ready(): Promise<void> {
    const { command, origin, signal } = this.#options;
    const until = performance.now() + readyWithinMs;
    while (!(await isAnswering(origin))) {
      signal.throwIfAborted();
      if (this.#hasEnded || this.#child.pid === undefined || performance.now() > until) {
        throw new Error(`${command} does not answer; ${await this.describeState()}`);
      }
      await delay(2);
    }
  }
}
