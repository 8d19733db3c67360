import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, RunningProgram, type ProgramOptions } from "./e2e-process.ts";
import { eventually } from "./wait.ts";

export type DockerOptions = { directory: string } & (
  | {
      /** URL of its `registry-mirrors`. */
      mirror: string;
    }
  | {
      /** A daemon.json that is there already. */
      configFile: string;
    }
);

/**
 * A Docker daemon of its own: nothing is shared with one that the machine may run. It has no
 * bridge, so containers and builds get `--network none` or `host`.
 */
export class Docker implements AsyncDisposable {
  readonly #directory: string;
  readonly #socket: string;
  readonly #daemon: RunningProgram;

  private constructor(directory: string, socket: string, daemon: RunningProgram) {
    this.#directory = directory;
    this.#socket = socket;
    this.#daemon = daemon;
  }

  static async start(options: DockerOptions): Promise<Docker> {
    const { directory } = options;
    await mkdir(directory, { recursive: true });
    const configFile =
      "configFile" in options ? options.configFile : await writeConfig(directory, options.mirror);
    const socket = `unix://${join(directory, "docker.sock")}`;
    const daemon = new RunningProgram("dockerd", [
      `--config-file=${configFile}`,
      `--host=${socket}`,
      `--data-root=${join(directory, "data")}`,
      `--exec-root=${join(directory, "exec")}`,
      `--pidfile=${join(directory, "docker.pid")}`,
      "--bridge=none",
      "--iptables=false",
      "--ip6tables=false",
    ]);
    const docker = new Docker(directory, socket, daemon);
    await eventually("dockerd to answer", () => docker.#answers());
    return docker;
  }

  /** `docker …` → what it prints; rejects when it fails. */
  async docker(args: readonly string[], options: ProgramOptions = {}): Promise<string> {
    const output = await run("docker", ["--host", this.#socket, ...args], options);
    return output.trim();
  }

  async removeAll(image: string): Promise<void> {
    await this.docker(["rmi", "--force", image]);
    await this.docker(["system", "prune", "--all", "--force"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon[Symbol.asyncDispose]();
    // Left mounted after a container with the host's network; its directory cannot be removed then.
    const hostNetwork = join(this.#directory, "exec", "netns", "default");
    if (existsSync(hostNetwork)) await run("umount", [hostNetwork]);
  }

  async #answers(): Promise<boolean> {
    if (!this.#daemon.isRunning) throw new Error(`dockerd ended:\n${this.#daemon.output}`);
    return this.docker(["version"]).then(
      () => true,
      () => false,
    );
  }
}

async function writeConfig(directory: string, mirror: string): Promise<string> {
  const path = join(directory, "daemon.json");
  await writeFile(path, JSON.stringify({ "registry-mirrors": [mirror] }));
  return path;
}
