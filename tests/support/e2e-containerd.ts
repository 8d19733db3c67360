import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "../../src/oci/manifest.ts";
import { run, RunningProgram } from "./e2e-process.ts";
import { eventually } from "./wait.ts";

/** A containerd of its own, and ctr, which finds mirrors by the `hosts.toml` files in a directory. */
export class Containerd implements AsyncDisposable {
  readonly #directory: string;
  readonly #hostsDir: string;
  readonly #daemon: RunningProgram;

  private constructor(directory: string, hostsDir: string, daemon: RunningProgram) {
    this.#directory = directory;
    this.#hostsDir = hostsDir;
    this.#daemon = daemon;
  }

  static async start(directory: string, hostsDir: string): Promise<Containerd> {
    await mkdir(directory, { recursive: true });
    const configFile = join(directory, "config.toml");
    await writeFile(configFile, configuration(directory));
    const daemon = new RunningProgram("containerd", ["--config", configFile]);
    const containerd = new Containerd(directory, hostsDir, daemon);
    await eventually("containerd to answer", () => containerd.#answers());
    return containerd;
  }

  async ctr(...args: string[]): Promise<string> {
    return run("ctr", ["--address", join(this.#directory, "socket"), ...args]);
  }

  async pull(name: string, ...options: string[]): Promise<void> {
    const fixed = ["--hosts-dir", this.#hostsDir, "--snapshotter=native"];
    await this.ctr("images", "pull", ...fixed, ...options, name);
  }

  async removeAll(): Promise<void> {
    const names = (await this.ctr("images", "ls", "--quiet")).split("\n").filter(Boolean);
    await this.ctr("images", "rm", "--sync", ...names);
  }

  /** Whether it keeps these bytes. */
  async holds({ digest, bytes }: Pick<Manifest, "digest" | "bytes">): Promise<boolean> {
    const content = join(this.#directory, "root", "io.containerd.content.v1.content", "blobs");
    const kept = await readFile(join(content, digest.replace(":", "/"))).catch(() => undefined);
    return kept?.equals(bytes) ?? false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon[Symbol.asyncDispose]();
  }

  async #answers(): Promise<boolean> {
    if (!this.#daemon.isRunning) throw new Error(`containerd ended:\n${this.#daemon.output}`);
    return this.ctr("version").then(
      () => true,
      () => false,
    );
  }
}

/** With no more than ctr needs, and nothing outside of its directory but what has to be short. */
function configuration(directory: string): string {
  const disabled = [
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.opt",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
  ];
  return `
version = 2
root = ${JSON.stringify(join(directory, "root"))}
state = "/run/containerd-${randomBytes(4).toString("hex")}"
disabled_plugins = ${JSON.stringify(disabled)}

[grpc]
  address = ${JSON.stringify(join(directory, "socket"))}
`;
}
