import type { NamePattern } from "../oci/name-pattern.ts";
import type { Tag } from "../oci/reference.ts";
import type { QualifiedName } from "../oci/repository-name.ts";
import { PairCache } from "../pair-cache.ts";

/** What holds for a name. */
export interface RuleValues {
  revalidateAfterMs: number;
  serveStaleForMs: number;
  /** A tag that is here is never asked about. */
  immutable: boolean;
  /** keep: what is here is served on when upstream says that the tag is gone. */
  onUpstreamDelete: "follow" | "keep";
  /** Neither eviction nor age takes it. */
  pin: boolean;
  /** Infinity: never. */
  maxAgeMs: number;
  /** A text is told to whoever asks. */
  deny: boolean | string;
}

/** What it does not set is left to the rules behind it, and at last to the defaults. */
export interface Rule extends Partial<RuleValues> {
  pattern: NamePattern;
  /** Where it stands: `mirror.config.yaml:12`. */
  place: string;
}

/** One value of a name, and what set it. */
interface ExplainedValue {
  key: keyof RuleValues;
  value: RuleValues[keyof RuleValues];
  source: { place: string; pattern: string } | "default";
}

type RuleDefaults = Pick<RuleValues, "revalidateAfterMs" | "serveStaleForMs" | "maxAgeMs">;

/** Names that clients ask for again and again; others are matched anew. */
const maxRemembered = 10_000;

const keys = [
  "revalidateAfterMs",
  "serveStaleForMs",
  "immutable",
  "onUpstreamDelete",
  "pin",
  "maxAgeMs",
  "deny",
] as const satisfies (keyof RuleValues)[];

/** The rules in their order: of those that match a name, the first that sets a key decides it. */
export class RuleBook {
  /** Whether some rule pins something. */
  readonly protects: boolean;
  /** Of all that rules and defaults set: nothing used since then has expired, whatever its name. */
  readonly shortestMaxAgeMs: number;
  readonly #rules: readonly Rule[];
  readonly #defaults: RuleValues;
  readonly #resolved = new PairCache<QualifiedName, Tag | undefined, RuleValues>(maxRemembered);

  constructor({ rules, defaults }: { rules: readonly Rule[]; defaults: RuleDefaults }) {
    this.#rules = rules;
    this.#defaults = {
      ...defaults,
      immutable: false,
      onUpstreamDelete: "follow",
      pin: false,
      deny: false,
    };
    this.protects = rules.some(({ pin }) => pin === true);
    const ages = rules.map(({ maxAgeMs = Infinity }) => maxAgeMs);
    this.shortestMaxAgeMs = Math.min(defaults.maxAgeMs, ...ages);
  }

  /** `tag` undefined: the repository as a whole, or something of it by digest. */
  resolve(repository: QualifiedName, tag: Tag | undefined): RuleValues {
    const known = this.#resolved.get(repository, tag);
    if (known) return known;
    const resolved = this.#resolve(repository, tag);
    this.#resolved.set(repository, tag, resolved);
    return resolved;
  }

  /** One entry a key, in the order of the documentation. */
  explain(repository: QualifiedName, tag: Tag | undefined): ExplainedValue[] {
    const values = this.resolve(repository, tag);
    const matching = this.#rules.filter(({ pattern }) => pattern.matches(repository, tag));
    return keys.map((key) => {
      const rule = matching.find((candidate) => candidate[key] !== undefined);
      const source = rule ? { place: rule.place, pattern: rule.pattern.text } : "default";
      return { key, value: values[key], source };
    });
  }

  #resolve(repository: QualifiedName, tag: Tag | undefined): RuleValues {
    let values = this.#defaults;
    for (const { pattern, place: _, ...settings } of this.#rules.toReversed()) {
      if (pattern.matches(repository, tag)) values = { ...values, ...settings };
    }
    return values;
  }
}
