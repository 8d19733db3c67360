import { Glob } from "./glob.ts";
import type { Tag } from "./reference.ts";
import type { QualifiedName } from "./repository-name.ts";

/**
 * A glob over `registry/repository:tag`. It matches complete names from end to end, so it begins
 * with the registry: `node` matches nothing, `docker.io/library/node` does.
 * - `*` stands for any characters, or none, within one component: `docker.io/library/*` matches
 *   `docker.io/library/node`, and neither `docker.io/library` nor `docker.io/library/a/b`.
 * - `**` stands for any characters, or none, slashes included: `docker.io/**` matches every name at
 *   docker.io. As a component of its own it stands for any number of components, also none: with
 *   `node` as the component behind it, it matches `docker.io/node`, `docker.io/library/node` and
 *   `docker.io/a/b/node`, but not `docker.io/a/mynode`, which `docker.io/**node` does match.
 * - `?` stands for one character within a component, or one of a tag.
 * - Without `:tag` it matches every tag, and what is asked for by digest; with one, only tags
 *   that match it, where `*` stands for any characters: `:*` matches every tag and no digest.
 */
export interface NamePattern {
  /** As written. */
  readonly text: string;
  /** Whether it says anything of tags. */
  readonly hasTag: boolean;
  /** `tag` undefined: the repository as a whole, or something of it by digest. */
  matches(repository: QualifiedName, tag: Tag | undefined): boolean;
  /** Whether it can match anything at the registry with this canonical host. */
  matchesWithin(registry: string): boolean;
}

const repositoryCharacters = /^[a-z0-9._\-/*?[\]:]+$/;
const tagCharacters = /^[a-zA-Z0-9._\-*?]+$/;
const maxLength = 512;

/** What is wrong with a pattern, as a sentence that begins with the pattern; undefined: nothing. */
export function findPatternProblem(text: string): string | undefined {
  if (text.length > maxLength) return `is longer than ${maxLength} characters`;
  if (text.includes("@")) return "holds a digest; rules match names and tags only";
  const { repository, tag } = splitPattern(text);
  if (!repositoryCharacters.test(repository) || repository.includes("***")) {
    return "is not a pattern; write registry/repository or registry/repository:tag in lower case, with * for any characters within a component and ** for any across components";
  }
  const hasEmptyComponent = repository.split("/").includes("");
  if (hasEmptyComponent) return "has an empty component; leave out the extra slash";
  if (tag !== undefined && (!tagCharacters.test(tag) || tag.includes("**"))) {
    return "has a tag that is not a pattern; write letters, digits, '_', '.', '-', * and ?";
  }
  return undefined;
}

/** Only for text in which `findPatternProblem` finds nothing. */
export function parseNamePattern(text: string): NamePattern {
  const { repository, tag } = splitPattern(text);
  const repositoryGlob = new Glob(repository);
  const tagGlob = tag === undefined ? undefined : new Glob(tag);
  return {
    text,
    hasTag: tagGlob !== undefined,
    matches: (name, asked) =>
      (tagGlob === undefined || (asked !== undefined && tagGlob.matches(asked))) &&
      repositoryGlob.matches(name),
    matchesWithin: (registry) => repositoryGlob.matchesBeyond(`${registry}/`),
  };
}

/** A colon in the last component begins the tag; one in the first is part of a host's port. */
function splitPattern(text: string): { repository: string; tag: string | undefined } {
  const colon = text.lastIndexOf(":");
  const isTag = colon > text.lastIndexOf("/");
  return isTag
    ? { repository: text.slice(0, colon), tag: text.slice(colon + 1) }
    : { repository: text, tag: undefined };
}
