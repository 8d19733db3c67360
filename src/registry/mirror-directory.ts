import { RegistryError } from "../oci/errors.ts";
import { parseRepositoryName, qualifyName, type RepositoryName } from "../oci/repository-name.ts";
import { MirrorRepository, type MirroredRegistry } from "./mirror-repository.ts";
import type { RepositoryDirectory, RepositoryRequest } from "./repository-directory.ts";
import type { Repository } from "./repository.ts";

const dockerHub = "docker.io";

/** Docker Hub goes by three names; which one a client sends depends on the client. */
const dockerHubHosts = [dockerHub, "registry-1.docker.io", "index.docker.io"];

/** Finds repositories of one upstream. */
export class MirrorDirectory implements RepositoryDirectory {
  readonly #mirror: MirroredRegistry;
  readonly #hosts: readonly string[];

  constructor(mirror: MirroredRegistry) {
    this.#mirror = mirror;
    this.#hosts = mirror.host === dockerHub ? dockerHubHosts : [mirror.host];
  }

  find({ name, namespace }: RepositoryRequest): Repository {
    if (namespace !== undefined && !this.#hosts.includes(namespace)) {
      throw new RegistryError(
        "NAME_UNKNOWN",
        `this mirror serves ${this.#mirror.host} and no other registry`,
      );
    }
    const full = this.#mirror.host === dockerHub ? withLibrary(name) : name;
    return new MirrorRepository(this.#mirror, {
      name: full,
      key: qualifyName(this.#mirror.host, full),
    });
  }
}

/** Docker Hub keeps its official repositories below `library/`; users leave that out. */
function withLibrary(name: RepositoryName): RepositoryName {
  return name.includes("/") ? name : parseRepositoryName(`library/${name}`);
}
