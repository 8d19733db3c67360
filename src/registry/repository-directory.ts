import type { Reference } from "../oci/reference.ts";
import type { QualifiedName, RepositoryName } from "../oci/repository-name.ts";
import type { ManifestAnswer, Repository } from "./repository.ts";

/** What a client's request names; nothing of it is checked against the configuration yet. */
export interface RepositoryRequest {
  /** The path's name, whose first component may be a registry's host with a port or a prefix. */
  name: string;
  /** Value of `?ns=`: the registry the client means, as containerd and others send it to mirrors. */
  namespace: string | undefined;
  /** Of the `Host` header. */
  host: string | undefined;
}

/** From names to repositories. Only looks things up, never out. */
export interface RepositoryDirectory {
  /**
   * Throws RegistryError NAME_UNKNOWN when the registry that is meant is not mirrored, and
   * NAME_INVALID for what is no repository's name there.
   */
  find(request: RepositoryRequest): Repository;
  /**
   * What the repository's `getManifest` would answer, where that is at hand: a HIT that takes
   * neither disk nor upstream. undefined: it is not, which says nothing else.
   */
  recallManifest(key: QualifiedName, reference: Reference): ManifestAnswer | undefined;
  /** By canonical host and whole name. Throws RegistryError NAME_UNKNOWN likewise. */
  get(registry: string, name: RepositoryName): Repository;
  /** The registry whose repositories a request without a name is about; undefined: all. */
  findRegistry(request: Omit<RepositoryRequest, "name">): string | undefined;
  /** Under which name a client that asks so finds the repository: bare, or with its registry's host. */
  nameFor(key: QualifiedName, request: Omit<RepositoryRequest, "name">): string;
}
