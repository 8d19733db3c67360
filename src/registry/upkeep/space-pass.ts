import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import type { Leftover } from "../../store/blob/blob-store.ts";
import type { StoredContent, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import type { EvictionEntry } from "../operations/operations.ts";
import type { Usage } from "../usage.ts";
import { Clearing, type ClearingCounts, type Decision } from "./clearing.ts";
import { Stride } from "./stride.ts";
import { PinnedFront, type PinnedPosition } from "./pinned-front.ts";
import { describeSpan } from "./reasons.ts";
import type { Remover } from "./remover.ts";
import type { Retention, Verdict } from "./retention.ts";
import type { SpaceTally } from "./space-tally.ts";

/** Bytes that must still go; none when it is not above 0. */
export type Shortage = (remover: Remover) => number;

interface SpacePassRun {
  remover: Remover;
  shortage: Shortage;
  /** So many bytes may be missing still where only a blob larger than that could go; 0 unless given. */
  tolerance?: number | undefined;
  signal: AbortSignal;
  /** By the monotonic clock: no further step is taken then. */
  until?: number | undefined;
  onEntry?: ((entry: EvictionEntry) => void) | undefined;
  /** Nothing goes, so nothing is behind it. */
  isDry?: boolean;
}

interface SpacePassOptions {
  upkeep: UpkeepStore;
  retention: Retention;
  usage: Usage;
  tally: SpaceTally;
  clock: Clock;
}

const pageLength = 128;

/** The state of one run. */
interface Walk {
  run: SpacePassRun;
  clearing: Clearing;
  /** Idle ones, longest untouched first; those dealt with are taken out. */
  partials: Leftover[];
  /** false: nothing is pinned, and nobody wants to know names. */
  judges: boolean;
  /** How far all is pinned; undefined: it begins at the front, and nothing is to be remembered. */
  position: PinnedPosition | undefined;
}

/**
 * Takes what is used least until enough has gone: quarantined blobs first, then whole and partial
 * blobs by last use. May run more than once at a time. Throws MetadataError, StorageError.
 */
export class SpacePass {
  readonly #options: SpacePassOptions;
  readonly #judging: Stride;
  readonly #front: PinnedFront;

  constructor(options: SpacePassOptions) {
    this.#options = options;
    this.#judging = new Stride(options.clock);
    this.#front = new PinnedFront(options.clock);
  }

  /** What was all pinned may not be any more. */
  forgetPinned(): void {
    this.#front.forget();
  }

  /** Some of what is used least may have to stay. Throws MetadataError. */
  meetsPins(): Promise<boolean> {
    return this.#options.retention.pinsAnything();
  }

  async run(run: SpacePassRun): Promise<ClearingCounts> {
    const { usage, tally, retention } = this.#options;
    await usage.flush();
    const { remover, onEntry } = run;
    const clearing = new Clearing({ remover, onEntry });
    const pinsAnything = await retention.pinsAnything();
    const walk: Walk = {
      run,
      clearing,
      partials: tally.listIdle("partial"),
      judges: pinsAnything || clearing.isWatched,
      position: pinsAnything && !clearing.isWatched ? this.#front.start() : undefined,
    };
    clearing.counts.pinnedBytes += walk.position?.bytes ?? 0;
    await this.#clearQuarantine(walk);
    await this.#clearBlobs(walk);
    await this.#clearPartials(walk, Infinity);
    return clearing.counts;
  }

  async #clearQuarantine(walk: Walk): Promise<void> {
    const now = this.#options.clock.now();
    for (const leftover of this.#options.tally.listIdle("quarantined")) {
      if (!this.#goesOn(walk)) return;
      const age = describeSpan(now - leftover.changedAt);
      await walk.clearing.removeLeftover(leftover, `damaged, moved aside ${age} ago`);
    }
  }

  async #clearPartials(walk: Walk, untouchedSince: number): Promise<void> {
    const now = this.#options.clock.now();
    for (;;) {
      const [partial] = walk.partials;
      if (!partial || partial.changedAt > untouchedSince || !this.#goesOn(walk)) return;
      walk.partials.shift();
      const age = describeSpan(now - partial.changedAt);
      await walk.clearing.removeLeftover(partial, `partial blob, untouched for ${age}`);
    }
  }

  async #clearBlobs(walk: Walk): Promise<void> {
    let after = walk.position?.cursor;
    while (this.#goesOn(walk)) {
      const page = await this.#options.upkeep.listLeastUsed("blob", { after, limit: pageLength });
      if (page.length === 0) return;
      if (!(await this.#clearPage(walk, page))) return;
      after = page.at(-1);
      await setImmediate();
    }
  }

  /** false: not to its end, as enough has gone. */
  async #clearPage(walk: Walk, page: StoredContent[]): Promise<boolean> {
    let rest = page.filter(({ digest }) => !walk.run.remover.wasRemoved(digest));
    while (rest[0]) {
      if (!this.#goesOn(walk)) return false;
      await this.#clearPartials(walk, rest[0].usedAt);
      const done = await this.#clearSome(walk, this.#nextStep(walk, rest));
      if (done === 0) return false;
      rest = rest.slice(done);
      await setImmediate();
    }
    return true;
  }

  /** As much as can be judged at a time, up to where a partial blob comes in between. */
  #nextStep(walk: Walk, rest: readonly StoredContent[]): StoredContent[] {
    const partialAt = walk.partials[0]?.changedAt ?? Infinity;
    const until = rest.findIndex(({ usedAt }) => usedAt >= partialAt);
    const count = until < 1 ? rest.length : until;
    return rest.slice(0, walk.judges ? Math.min(count, this.#judging.count) : count);
  }

  /** Takes from the front what is needed, and says how far that was. */
  async #clearSome(walk: Walk, contents: StoredContent[]): Promise<number> {
    const verdicts = walk.judges ? await this.#judge(contents) : [];
    const decisions = this.#decide(walk, contents, verdicts);
    await walk.clearing.apply("blob", decisions);
    this.#remember(walk, decisions.at(-1)?.content);
    return decisions.length;
  }

  #remember(walk: Walk, last: StoredContent | undefined): void {
    if (!walk.position || !last || walk.run.isDry) return;
    const cursor = { usedAt: last.usedAt, digest: last.digest };
    const { since } = walk.position;
    walk.position = { cursor, bytes: walk.clearing.counts.pinnedBytes, since };
    this.#front.reach(walk.position);
  }

  #judge(contents: readonly StoredContent[]): Promise<Verdict[]> {
    return this.#judging.time(contents.length, () => this.#options.retention.judge(contents));
  }

  #decide(walk: Walk, contents: StoredContent[], verdicts: Verdict[]): Decision[] {
    const { remover, shortage, tolerance = 0 } = walk.run;
    const decisions: Decision[] = [];
    let missing = shortage(remover);
    for (const [index, content] of contents.entries()) {
      if (missing <= 0) break;
      const decision = this.#decideOn(content, verdicts[index]);
      if (decision.goes && missing <= tolerance && content.size > tolerance) break;
      if (decision.goes) missing -= content.size;
      decisions.push(decision);
    }
    return decisions;
  }

  #decideOn(content: StoredContent, verdict: Verdict | undefined): Decision {
    const { retention, clock } = this.#options;
    if (verdict?.isPinned) {
      return { content, verdict, goes: false, reason: retention.explainPin(verdict) };
    }
    const age = describeSpan(clock.now() - content.usedAt);
    return { content, verdict, goes: true, reason: `least recently used: unused for ${age}` };
  }

  #goesOn({ run }: Walk): boolean {
    const { signal, until = Infinity, remover, shortage } = run;
    if (signal.aborted || this.#options.clock.monotonic() >= until) return false;
    return shortage(remover) > 0;
  }
}
