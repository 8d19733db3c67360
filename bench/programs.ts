import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

/** Of /proc/PID/stat; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** A program under measurement. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** What the pattern caught in its first output line that matches. */
  readonly found: string[];

  private constructor(child: ChildProcess, found: string[]) {
    this.#child = child;
    this.found = found;
  }

  static async start(args: string[], pattern: RegExp): Promise<Program> {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) {
      const match = pattern.exec(line);
      if (!match) continue;
      child.stdout.resume();
      return new Program(child, match.slice(1));
    }
    throw new Error(`${args.join(" ")} ended before it was ready`);
  }

  /** CPU seconds so far, user and system. */
  async cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill();
    await exited;
  }
}
