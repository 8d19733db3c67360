import type { NamePattern } from "../oci/name-pattern.ts";
import type { Config } from "./config.ts";
import { isHostPattern } from "../oci/host-patterns.ts";
import { covers } from "./host-pattern.ts";

/** Rules that can never match anything, mostly for want of the registry in front. */
export function findIdleRules({ rules, upstreams }: Config): string[] {
  const hosts = [...upstreams.keys()];
  return rules
    .filter(({ pattern }) => !hosts.some((host) => mayMatch(pattern, host)))
    .map(({ pattern, place }) => {
      const mirrored = hosts.join(", ");
      const text = JSON.stringify(pattern.text);
      return `${place}: rules: ${text} matches nothing that is mirrored from ${mirrored}; a pattern begins with the registry, such as ${hosts[0]}/**`;
    });
}

/** Whether a rule can match anything at the registries that a key of `upstreams` means. */
function mayMatch(pattern: NamePattern, key: string): boolean {
  if (!isHostPattern(key)) return pattern.matchesWithin(key);
  const [registry = ""] = pattern.text.split("/", 1);
  const isOneHost = !/[*?]/.test(registry);
  return !isOneHost || covers(key, registry);
}
