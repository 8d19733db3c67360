import type { RepositoryName } from "../oci/repository-name.ts";
import type { Repository } from "./repository.ts";

export interface RepositoryRequest {
  name: RepositoryName;
  /** Value of `?ns=`: the registry the client means, as containerd and others send it to mirrors. */
  namespace: string | undefined;
}

/** From what a request names to the repository that answers it. Only looks things up, never out. */
export interface RepositoryDirectory {
  /** Throws RegistryError NAME_UNKNOWN when the namespace is none of the configured upstreams. */
  find(request: RepositoryRequest): Repository;
}
