import { RegistryError } from "../../oci/errors.ts";
import { findPatternProblem, parseNamePattern } from "../../oci/name-pattern.ts";
import type { Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";

/** What a listing is narrowed to. */
export interface NameFilter {
  /** Whether it says anything of tags. */
  readonly hasTag: boolean;
  /** Whatever it says of tags. */
  matchesRepository(repository: QualifiedName): boolean;
  matchesTag(repository: QualifiedName, tag: Tag): boolean;
  /** Whether one of the repositories matches; everything matches also what is of none. */
  matchesAny(repositories: readonly QualifiedName[]): boolean;
}

const everything: NameFilter = {
  hasTag: false,
  matchesRepository: () => true,
  matchesTag: () => true,
  matchesAny: () => true,
};

/**
 * Reads what people ask a listing for, which is more than a pattern of rules: each text also means
 * what docker would complete it to (`node`, `bitnami/*`), and a name without wildcards and tag also
 * everything below it (`docker.io`, `library`). undefined: everything. Throws RegistryError.
 */
export function parseNameFilter(text: string | undefined): NameFilter {
  if (text === undefined || text === "") return everything;
  const problem = findPatternProblem(text);
  if (problem !== undefined) throw new RegistryError("NAME_INVALID", `"${text}" ${problem}`);
  const { path, tag } = splitTag(text);
  const paths = completePath(path);
  const isPlain = !/[*?]/.test(path);
  const patterns = paths.map((each) => parseNamePattern(each));
  const tagPatterns = paths.map((each) => parseNamePattern(`${each}:${tag}`));
  const matchesRepository = (repository: QualifiedName) =>
    patterns.some((pattern) => pattern.matches(repository, undefined)) ||
    (isPlain && tag === undefined && paths.some((each) => repository.startsWith(`${each}/`)));
  return {
    hasTag: tag !== undefined,
    matchesRepository,
    matchesAny: (repositories) => repositories.some((each) => matchesRepository(each)),
    matchesTag: (repository, asked) =>
      tag === undefined
        ? matchesRepository(repository)
        : tagPatterns.some((pattern) => pattern.matches(repository, asked)),
  };
}

/** `localhost:5000` is a host with its port. */
function splitTag(text: string): { path: string; tag: string | undefined } {
  const colon = text.lastIndexOf(":");
  const isHost = /^(?:localhost|[^/]*\.[^/]*):\d+$/.test(text);
  const hasTag = !isHost && colon > text.lastIndexOf("/");
  return hasTag
    ? { path: text.slice(0, colon), tag: text.slice(colon + 1) }
    : { path: text, tag: undefined };
}

function completePath(path: string): string[] {
  const [first = "", ...rest] = path.split("/");
  if (rest.length === 0) return [path, `docker.io/${path}`, `docker.io/library/${path}`];
  const isHost = /[.:]/.test(first) || first === "localhost";
  return isHost ? [path] : [path, `docker.io/${path}`];
}
