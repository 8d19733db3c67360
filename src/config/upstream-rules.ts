import { isHostPattern } from "../oci/host-patterns.ts";
import { parseNamePattern } from "../oci/name-pattern.ts";
import type { Config, PatternConfig, RuleConfig, UpstreamConfig } from "./config.ts";

type Entry = [key: string, upstream: UpstreamConfig];

/**
 * What `allow` and `deny` of the upstreams mean, as rules to be put behind the configured ones; the
 * first that matches decides. For each upstream, those with a host of their own first, then patterns
 * from the longest to `*`:
 *
 * 1. what `deny` matches is denied;
 * 2. what `allow` matches is not;
 * 3. of repositories that `allow` names with tags, the other tags are denied, and what is asked for
 *    by digest is not: whoever pulls an allowed tag goes on by digest;
 * 4. if `allow` says anything, all else at the registry is denied.
 *
 * Where `allow` says nothing, and a pattern that comes later restricts something, a last rule keeps
 * that off the upstream.
 */
export function upstreamRules({ upstreams }: Config): RuleConfig[] {
  const entries = [...upstreams].toSorted(([a], [b]) => breadth(a) - breadth(b));
  return entries.flatMap((entry, index) => {
    const [, { allow }] = entry;
    const isReached = entries
      .slice(index + 1)
      .some(([key, upstream]) => isHostPattern(key) && isRestricted(upstream));
    return [...restrict(entry), ...(isReached && allow.length === 0 ? [exempt(entry)] : [])];
  });
}

function restrict([key, { allow, deny, denyMessage }]: Entry): RuleConfig[] {
  const denied = denyMessage ?? true;
  const tagged = allow.filter(hasTag);
  const closing = allow.slice(0, 1);
  return [
    ...deny.map((entry) => toRule(key, entry, denied)),
    ...allow.map((entry) => toRule(key, entry, false)),
    ...tagged.map((entry) => toRule(key, withTag(entry, ":*"), denied)),
    ...tagged.map((entry) => toRule(key, withTag(entry, ""), false)),
    ...closing.map(({ place }) => toRule(key, { text: "**", place }, denied)),
  ];
}

function exempt([key]: Entry): RuleConfig {
  return toRule(key, { text: "**", place: `upstreams.${key}` }, false);
}

function isRestricted({ allow, deny }: UpstreamConfig): boolean {
  return allow.length > 0 || deny.length > 0;
}

function toRule(key: string, { text, place }: PatternConfig, deny: boolean | string): RuleConfig {
  return { pattern: parseNamePattern(`${key}/${text}`), place, deny };
}

function hasTag({ text }: PatternConfig): boolean {
  return text.includes(":");
}

function withTag({ text, place }: PatternConfig, tag: string): PatternConfig {
  return { text: text.replace(/:.*$/, tag), place };
}

/** What is broader comes later. */
function breadth(key: string): number {
  return isHostPattern(key) ? Number.MAX_SAFE_INTEGER - key.length : 0;
}
