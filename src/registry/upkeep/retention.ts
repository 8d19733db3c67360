import type { Clock } from "../../clock.ts";
import { formatPullName } from "../../oci/pull-name.ts";
import type { PinRecord, PinStore } from "../../store/metadata/pin-store.ts";
import type {
  ReachingName,
  Standing,
  StoredContent,
  UpkeepStore,
} from "../../store/metadata/upkeep-store.ts";
import { findStandings, isInForce, isPinned } from "../pinning.ts";
import type { RuleBook } from "../rule-book.ts";

/** What is to be said for keeping content. */
export interface Verdict {
  /** Neither space nor age may take it. */
  isPinned: boolean;
  /** Unused for longer than that it expires: the longest age among the names that reach it. */
  maxAgeMs: number;
  standing: Standing;
}

interface RetentionOptions {
  upkeep: UpkeepStore;
  pins: PinStore;
  rules: Pick<RuleBook, "resolve" | "explain" | "protects" | "shortestMaxAgeMs">;
  /** Of content that no name leads to. */
  maxAgeMs: number;
  clock: Clock;
}

/** Which content has to stay, by pins, rules and age. */
export class Retention {
  readonly #options: RetentionOptions;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Nothing used within it expires, whatever its name. */
  get shortestMaxAgeMs(): number {
    return this.#options.rules.shortestMaxAgeMs;
  }

  /** false: nothing is pinned, so that what is least used can go without a look at its names. */
  async pinsAnything(): Promise<boolean> {
    const { pins, rules, clock } = this.#options;
    if (rules.protects) return true;
    const now = clock.now();
    return (await pins.listPins()).some((pin) => isInForce(pin, now));
  }

  /** In the order of `contents`. Throws MetadataError. */
  async judge(contents: readonly StoredContent[]): Promise<Verdict[]> {
    const { upkeep, clock } = this.#options;
    const digests = contents.map(({ digest }) => digest);
    const standings = await findStandings(upkeep, digests, clock.now());
    return standings.map((standing) => this.#weigh(standing));
  }

  /** In words; only of what is pinned. */
  explainPin({ standing }: Verdict): string {
    const [pin] = standing.pins;
    if (pin) return `pinned by ${describePin(pin)}`;
    const place = standing.names
      .filter(({ repository, tag }) => this.#options.rules.resolve(repository, tag).pin)
      .map((name) => this.#findPlace(name, "pin"))
      .find((found) => found !== undefined);
    return `pinned by rule ${place}`;
  }

  /** In words: which name keeps it for longer than the others; only of what has a name. */
  explainAge({ standing, maxAgeMs }: Verdict): string | undefined {
    const { rules } = this.#options;
    const keeper = standing.names.find(
      ({ repository, tag }) => rules.resolve(repository, tag).maxAgeMs === maxAgeMs,
    );
    if (!keeper) return undefined;
    const place = this.#findPlace(keeper, "maxAgeMs") ?? "storage.maxAge";
    return `${describeName(keeper)}, by ${place}`;
  }

  #weigh(standing: Standing): Verdict {
    const { rules, maxAgeMs } = this.#options;
    const ages = standing.names.map(
      ({ repository, tag }) => rules.resolve(repository, tag).maxAgeMs,
    );
    return {
      isPinned: isPinned(standing, rules),
      maxAgeMs: ages.length > 0 ? Math.max(...ages) : maxAgeMs,
      standing,
    };
  }

  #findPlace({ repository, tag }: ReachingName, key: "pin" | "maxAgeMs"): string | undefined {
    const explained = this.#options.rules.explain(repository, tag);
    const source = explained.find((each) => each.key === key)?.source;
    return source === undefined || source === "default" ? undefined : source.place;
  }
}

/** `docker.io/library/node:24`, or the repository alone. */
export function describeName({ repository, tag }: ReachingName): string {
  return tag === undefined ? repository : formatPullName(repository, { kind: "tag", tag });
}

function describePin({ repository, reference, note }: PinRecord): string {
  const name = formatPullName(repository, reference);
  return note === undefined ? name : `${name} (${note})`;
}
