import { HostPatterns } from "../oci/host-patterns.ts";
import { parseHost } from "./host.ts";

/** Whether a key of `upstreams`, a host or a pattern, means the registry with this canonical host. */
export function covers(key: string, host: string): boolean {
  return key === host || new HostPatterns([key]).find(host) !== undefined;
}

/** What is wrong with a key that is a pattern, as a sentence that begins with it; undefined: nothing. */
export function findHostPatternProblem(key: string): string | undefined {
  const suffix = /^\*\.([^[]+)$/.exec(key)?.[1];
  const isGood = key === "*" || (suffix !== undefined && parseHost(suffix) !== undefined);
  if (isGood) return undefined;
  return 'is not a pattern of hosts; write "*", or *. and a domain in lower case, such as "*.pkg.dev"';
}
