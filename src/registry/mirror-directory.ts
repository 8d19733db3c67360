import { dockerHub, dockerHubAliases, withLibrary } from "../oci/docker-hub.ts";
import { RegistryError } from "../oci/errors.ts";
import { qualifyName } from "../oci/repository-name.ts";
import { MirrorRepository, type MirroredRegistry } from "./mirror-repository.ts";
import type { RepositoryDirectory, RepositoryRequest } from "./repository-directory.ts";
import type { Repository } from "./repository.ts";

/** Finds repositories of one upstream. */
export class MirrorDirectory implements RepositoryDirectory {
  readonly #mirror: MirroredRegistry;
  readonly #hosts: readonly string[];

  constructor(mirror: MirroredRegistry) {
    this.#mirror = mirror;
    this.#hosts = mirror.host === dockerHub ? [dockerHub, ...dockerHubAliases] : [mirror.host];
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
