import type { Config } from "./config.ts";

/** Rules that can never match anything, mostly for want of the registry in front. */
export function findIdleRules({ rules, upstreams }: Config): string[] {
  const hosts = [...upstreams.keys()];
  return rules
    .filter(({ pattern }) => !hosts.some((host) => pattern.matchesWithin(host)))
    .map(({ pattern, place }) => {
      const mirrored = hosts.join(", ");
      const text = JSON.stringify(pattern.text);
      return `${place}: rules: ${text} matches nothing that is mirrored from ${mirrored}; a pattern begins with the registry, such as ${hosts[0]}/**`;
    });
}
