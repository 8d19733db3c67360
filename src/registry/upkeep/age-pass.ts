import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import type { Leftover } from "../../store/blob/blob-store.ts";
import type { ContentKind, StoredContent, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import type { EvictionEntry } from "../operations/operations.ts";
import type { Usage } from "../usage.ts";
import { Clearing, type ClearingCounts, type Decision } from "./clearing.ts";
import { Stride } from "./stride.ts";
import { describeSpan } from "./reasons.ts";
import type { Remover } from "./remover.ts";
import type { Retention, Verdict } from "./retention.ts";
import type { SpaceTally } from "./space-tally.ts";

interface AgePassRun {
  remover: Remover;
  signal: AbortSignal;
  /** Whatever rules and limits say; pins hold. undefined: what they say. */
  olderThanMs?: number | undefined;
  onEntry?: ((entry: EvictionEntry) => void) | undefined;
}

interface AgePassOptions {
  upkeep: UpkeepStore;
  retention: Retention;
  usage: Usage;
  tally: SpaceTally;
  clock: Clock;
}

const dayMs = 24 * 3_600_000;

/** For what no request will look at again by itself. */
const leftoverAgeMs = { partial: dayMs, quarantined: 7 * dayMs };

/**
 * Takes what nobody used for as long as the names that lead to it may be unused. Throws
 * MetadataError, StorageError.
 */
export class AgePass {
  readonly #options: AgePassOptions;
  readonly #judging: Stride;

  constructor(options: AgePassOptions) {
    this.#options = options;
    this.#judging = new Stride(options.clock);
  }

  async run(run: AgePassRun): Promise<ClearingCounts> {
    await this.#options.usage.flush();
    const { remover, onEntry } = run;
    const clearing = new Clearing({ remover, onEntry });
    await this.#clearLeftovers(run, clearing, "quarantined");
    await this.#clearLeftovers(run, clearing, "partial");
    // Blobs first: their names are those of the manifests above them.
    await this.#clearContent(run, clearing, "blob");
    await this.#clearContent(run, clearing, "manifest");
    return clearing.counts;
  }

  async #clearLeftovers(
    { signal, olderThanMs }: AgePassRun,
    clearing: Clearing,
    kind: Leftover["kind"],
  ): Promise<void> {
    const { tally, clock } = this.#options;
    const now = clock.now();
    const maxAgeMs = olderThanMs ?? leftoverAgeMs[kind];
    for (const leftover of tally.listIdle(kind)) {
      const ageMs = now - leftover.changedAt;
      if (signal.aborted || ageMs < maxAgeMs) return;
      const age = describeSpan(ageMs);
      const reason =
        kind === "partial"
          ? `partial blob, untouched for ${age}`
          : `damaged, moved aside ${age} ago`;
      await clearing.removeLeftover(leftover, reason);
    }
  }

  async #clearContent(run: AgePassRun, clearing: Clearing, kind: ContentKind): Promise<void> {
    const { upkeep, clock, retention } = this.#options;
    const usedBefore = clock.now() - (run.olderThanMs ?? retention.shortestMaxAgeMs);
    if (usedBefore === -Infinity) return;
    let after: StoredContent | undefined;
    while (!run.signal.aborted) {
      const limit = this.#judging.count;
      const contents = await upkeep.listLeastUsed(kind, { after, usedBefore, limit });
      if (contents.length === 0) return;
      const judge = () => retention.judge(contents);
      const verdicts = await this.#judging.time(contents.length, judge);
      await clearing.apply(kind, this.#decide(run, contents, verdicts));
      after = contents.at(-1);
      await setImmediate();
    }
  }

  #decide(run: AgePassRun, contents: StoredContent[], verdicts: Verdict[]): Decision[] {
    return contents.flatMap((content, index) => {
      const verdict = verdicts[index];
      return verdict ? [this.#decideOn(run, content, verdict)] : [];
    });
  }

  #decideOn({ olderThanMs }: AgePassRun, content: StoredContent, verdict: Verdict): Decision {
    const { clock, retention } = this.#options;
    if (verdict.isPinned) {
      return { content, verdict, goes: false, reason: retention.explainPin(verdict) };
    }
    const unusedMs = clock.now() - content.usedAt;
    if (unusedMs >= (olderThanMs ?? verdict.maxAgeMs)) {
      return { content, verdict, goes: true, reason: `unused for ${describeSpan(unusedMs)}` };
    }
    const keeper = retention.explainAge(verdict);
    const span =
      verdict.maxAgeMs === Infinity ? "for ever" : `for ${describeSpan(verdict.maxAgeMs)}`;
    const reason = `kept ${span} unused${keeper === undefined ? "" : ` for ${keeper}`}`;
    return { content, verdict, goes: false, reason };
  }
}
