import { RegistryError } from "./errors.ts";

/** A repository's name within a registry, checked: `library/node`. */
export type RepositoryName = string & { readonly __brand: "RepositoryName" };

/** A repository's name across registries: `docker.io/library/node`. Key of everything we keep about it. */
export type QualifiedName = `${string}/${RepositoryName}`;

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const grammar = new RegExp(`^${component}(?:/${component})*$`);

/** What distribution's reference library allows for the path part. */
const maxLength = 255;

/**
 * Grammar of https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests.
 * Throws RegistryError NAME_INVALID.
 */
export function parseRepositoryName(text: string): RepositoryName {
  if (text.length > maxLength) {
    throw new RegistryError(
      "NAME_INVALID",
      `repository name must not be longer than ${maxLength} characters`,
    );
  }
  if (!isRepositoryName(text)) {
    throw new RegistryError(
      "NAME_INVALID",
      "repository name must be lower-case letters and digits, separated by '.', '_', '-' or '/'",
    );
  }
  return text;
}

export function qualifyName(registry: string, name: RepositoryName): QualifiedName {
  return `${registry}/${name}`;
}

function isRepositoryName(text: string): text is RepositoryName {
  return grammar.test(text);
}
