import { looksLikeHost } from "./registry-host.ts";
import { parseRepositoryName } from "./repository-name.ts";

/**
 * Checks a name as requests spell it, where a registry's host, with or without a port and in any
 * case, may stand before the first slash: `ghcr.io/owner/app`. Which registry it belongs to, and so
 * whether all of it is the repository's name, is not said. Throws RegistryError NAME_INVALID.
 */
export function checkRequestedName(text: string): void {
  const { first, rest } = splitFirst(text);
  if (first !== undefined && !looksLikeHost(first)) parseRepositoryName(first);
  parseRepositoryName(rest);
}

/** `first` is what stands before the first slash; undefined: there is none. */
export function splitFirst(name: string): { first: string | undefined; rest: string } {
  const slash = name.indexOf("/");
  if (slash < 0) return { first: undefined, rest: name };
  return { first: name.slice(0, slash), rest: name.slice(slash + 1) };
}
