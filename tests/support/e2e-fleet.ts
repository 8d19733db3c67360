import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Containerd } from "./e2e-containerd.ts";
import { ContainerTools } from "./e2e-containers.ts";
import { Docker } from "./e2e-docker.ts";
import { nameLoopback } from "./e2e-host-names.ts";
import { settings, type Registries } from "./e2e-registries.ts";
import type { TestIndex } from "./images.ts";

/** What a client says it has: a name → the digest of that image's configuration. */
export type Pulled = Record<string, string>;

/**
 * Every client that Debian has, each on a machine of its own that `entrepot setup` made use the
 * mirror. They pull team/app:1 and team/multi:1, of whichever registry they can reach.
 */
export class Fleet implements AsyncDisposable {
  readonly docker: Docker;
  readonly containerd: Containerd;
  readonly tools: ContainerTools;
  readonly #mirrorHost: string;
  readonly #owned: AsyncDisposableStack;
  #copies = 0;

  private constructor(
    parts: { docker: Docker; containerd: Containerd; tools: ContainerTools; mirrorHost: string },
    owned: AsyncDisposableStack,
  ) {
    this.docker = parts.docker;
    this.containerd = parts.containerd;
    this.tools = parts.tools;
    this.#mirrorHost = parts.mirrorHost;
    this.#owned = owned;
  }

  static async start(registries: Registries): Promise<Fleet> {
    await using owned = new AsyncDisposableStack();
    const { directory, mirror } = registries;
    owned.use(await nameLoopback(directory, settings.ghcrName));
    const configFile = join(await registries.setUp("docker"), "etc/docker/daemon.json");
    const hostsDir = join(await registries.setUp("containerd"), "etc/containerd/certs.d");
    const podman = join(await registries.setUp("podman"), "etc/containers/registries.conf.d");
    const docker = owned.use(
      await Docker.start({ directory: join(directory, "docker"), configFile }),
    );
    const containerd = owned.use(await Containerd.start(join(directory, "ctr"), hostsDir));
    const tools = await ContainerTools.createWith(join(directory, "tools"), podman);
    const parts = { docker, containerd, tools, mirrorHost: mirror.host };
    return new Fleet(parts, owned.move());
  }

  /** Docker Hub's by the mirror setting, the others and a short prefix by the mirror's own names. */
  async pullByDocker(): Promise<Pulled> {
    const [, port] = this.#mirrorHost.split(":");
    const names = [
      "team/app:1",
      `${this.#mirrorHost}/ghcr.io/team/app:1`,
      `${this.#mirrorHost}/quay.io/team/app:1`,
      `${this.#mirrorHost}/hub/team/multi:1`,
      `${settings.ghcrName}:${port}/team/multi:1`,
    ];
    const pulled: Pulled = {};
    for (const name of names) {
      await this.docker.docker(["pull", name]);
      pulled[name] = await this.docker.docker(["inspect", "--format", "{{.Id}}", name]);
    }
    return pulled;
  }

  /** All platforms, by `ns`; says for each index whether all of it is there. */
  async pullByContainerd(indexes: Record<string, TestIndex>): Promise<Record<string, boolean>> {
    const whole: Record<string, boolean> = {};
    for (const [registry, { manifest, images }] of Object.entries(indexes)) {
      await this.containerd.pull(`${registry}/team/multi:1`, "--all-platforms");
      const parts = images.flatMap((image) => [image.manifest, image.config, ...image.layers]);
      const held = [manifest, ...parts].map((part) => this.containerd.holds(part));
      whole[registry] = (await Promise.all(held)).every(Boolean);
    }
    return whole;
  }

  async pullByPodman(registryHosts: string[]): Promise<Pulled> {
    const pulled: Pulled = {};
    for (const host of registryHosts) {
      const pull = ["pull", "--quiet", ...this.tools.policyArgs(), `${host}/team/app:1`];
      pulled[host] = `sha256:${(await this.tools.podman(pull)).trim()}`;
    }
    return pulled;
  }

  /** Of an index, all that it names; says whether each file of the copy is what was pushed. */
  async copyBySkopeo(indexes: Record<string, TestIndex>): Promise<Record<string, boolean>> {
    this.#copies += 1;
    const equal: Record<string, boolean> = {};
    for (const [registry, index] of Object.entries(indexes)) {
      const target = join(this.tools.directory, `${registry}-${this.#copies}`);
      const source = `docker://${registry}/team/multi:1`;
      await this.tools.skopeo(["copy", "--quiet", "--all", source, `dir:${target}`]);
      equal[registry] = await isCopyOf(target, index);
    }
    return equal;
  }

  async pullByBuildah(): Promise<Pulled> {
    const pull = ["pull", "--quiet", ...this.tools.policyArgs(), "quay.io/team/app:1"];
    return { "quay.io": `sha256:${(await this.tools.buildah(pull)).trim()}` };
  }

  /** Builds on ghcr.io's team/app:1 → what its build step sees of it. */
  async buildByBuildah(): Promise<string> {
    const file = join(this.tools.directory, "Containerfile");
    await writeFile(file, "FROM ghcr.io/team/app:1\nRUN cat /seed && echo\n");
    const isolation = ["--isolation=chroot", "--network=host", "--no-cache", "--quiet=false"];
    const policy = this.tools.policyArgs();
    return this.tools.buildah(["build", ...policy, ...isolation, "--file", file]);
  }

  /** What was pulled is gone from all clients. */
  async forget(): Promise<void> {
    await Promise.all([
      this.docker.docker(["system", "prune", "--all", "--force"]),
      this.containerd.removeAll(),
      this.tools.podman(["rmi", "--all", "--force"]),
      this.tools.buildah(["rmi", "--all", "--force"]),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

async function isCopyOf(directory: string, { manifest, images }: TestIndex): Promise<boolean> {
  const files = new Map([["manifest.json", manifest.bytes]]);
  for (const image of images) {
    files.set(`${hexOf(image.manifest.digest)}.manifest.json`, image.manifest.bytes);
    for (const { digest, bytes } of [image.config, ...image.layers])
      files.set(hexOf(digest), bytes);
  }
  for (const [name, bytes] of files) {
    if (!(await readFile(join(directory, name))).equals(bytes)) return false;
  }
  return true;
}

function hexOf(digest: string): string {
  return digest.replace("sha256:", "");
}
