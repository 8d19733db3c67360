import { randomBytes } from "node:crypto";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./e2e-process.ts";

/** skopeo, podman and buildah with a configuration and storage of their own. */
export class ContainerTools {
  readonly directory: string;
  readonly #id = randomBytes(4).toString("hex");

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** docker.io has one mirror, reached without TLS. */
  static create(directory: string, mirrorHost: string): Promise<ContainerTools> {
    return ContainerTools.#create(directory, registriesConf(mirrorHost));
  }

  /** What is configured is in files of `registries.conf.d`, which are copied to where a user has them. */
  static async createWith(directory: string, registriesConfD: string): Promise<ContainerTools> {
    const tools = await ContainerTools.#create(directory, "");
    const own = join(directory, ".config", "containers", "registries.conf.d");
    await cp(registriesConfD, own, { recursive: true });
    return tools;
  }

  static async #create(directory: string, registries: string): Promise<ContainerTools> {
    const tools = new ContainerTools(directory);
    await mkdir(directory, { recursive: true });
    await writeFile(tools.#path("registries.conf"), registries);
    await writeFile(tools.#path("policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
    return tools;
  }

  skopeo(args: readonly string[]): Promise<string> {
    return this.#run("skopeo", [
      `--policy=${this.#path("policy.json")}`,
      `--registries-conf=${this.#path("registries.conf")}`,
      ...args,
    ]);
  }

  podman(args: readonly string[]): Promise<string> {
    return this.#run("podman", [
      ...this.#storageArgs("podman"),
      "--cgroup-manager=cgroupfs",
      // crun refuses the mix of both versions of cgroups that some machines have.
      "--runtime=runc",
      ...args,
    ]);
  }

  buildah(args: readonly string[]): Promise<string> {
    return this.#run("buildah", [...this.#storageArgs("buildah"), ...args]);
  }

  policyArgs(): string[] {
    return ["--signature-policy", this.#path("policy.json")];
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  #storageArgs(tool: string): string[] {
    return [
      `--root=${this.#path(tool)}`,
      // podman wants it short.
      `--runroot=/run/${tool}-${this.#id}`,
      "--storage-driver=vfs",
    ];
  }

  #run(command: string, args: readonly string[]): Promise<string> {
    const env = {
      CONTAINERS_REGISTRIES_CONF: this.#path("registries.conf"),
      HOME: this.directory,
    };
    return run(command, args, { env });
  }
}

function registriesConf(mirrorHost: string): string {
  return `
[[registry]]
location = "docker.io"

[[registry.mirror]]
location = "${mirrorHost}"
insecure = true
`;
}
