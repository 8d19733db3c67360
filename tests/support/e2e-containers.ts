import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./e2e-process.ts";

/**
 * skopeo, podman and buildah with a configuration and storage of their own: docker.io has one
 * mirror, reached without TLS.
 */
export class ContainerTools {
  readonly directory: string;
  readonly #id = randomBytes(4).toString("hex");

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(directory: string, mirrorHost: string): Promise<ContainerTools> {
    const tools = new ContainerTools(directory);
    await mkdir(directory, { recursive: true });
    await writeFile(tools.#path("registries.conf"), registriesConf(mirrorHost));
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
