import { parseRepositoryName, type RepositoryName } from "./repository-name.ts";

/** Canonical host of Docker Hub, by which images name it; its API is elsewhere. */
export const dockerHub = "docker.io";

/** Its other names; which one a client or a user writes depends on habit. */
export const dockerHubAliases: readonly string[] = [
  "index.docker.io",
  "registry-1.docker.io",
  "registry.hub.docker.com",
];

/** Docker Hub keeps its official repositories below `library/`; users leave that out. */
export function withLibrary(name: RepositoryName): RepositoryName {
  return name.includes("/") ? name : parseRepositoryName(`library/${name}`);
}
