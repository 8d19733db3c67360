import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { Budget, Upstream } from "../upstream/upstream.ts";

/** Of the limit: with so little left, requests are kept for what is not here. */
const lowShare = 0.1;

/** A bound on memory; clients choose the names. */
const maxWaiting = 1000;

/**
 * How often upstream is asked about what is here already: as often as that is due, but while its
 * rate limit is nearly used up only so often that the rest lasts for the limit's whole window. What
 * was longest not asked about comes first, so that names in great demand do not starve the others.
 */
export class RevalidationPace {
  readonly #upstream: Pick<Upstream, "host" | "budget">;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** While upstream's budget is low: by the monotonic clock, when it was last asked. */
  #askedAt: number | undefined;
  /** What was refused since then, and when it was last confirmed. */
  readonly #waiting = new Map<string, number>();

  constructor(options: { upstream: Pick<Upstream, "host" | "budget">; clock: Clock; log: Logger }) {
    this.#upstream = options.upstream;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** For `Warning` headers: why something was not revalidated. */
  get warning(): string {
    return `${this.#upstream.host}'s rate limit is nearly used up; this is what it last had`;
  }

  /** Whether upstream may be asked now about this one; whoever is told so is expected to ask. */
  admit(key: string, checkedAt: number): boolean {
    const budget = this.#findLowBudget();
    if (!budget) {
      this.#end();
      return true;
    }
    const now = this.#clock.monotonic();
    const pauseMs = budget.windowMs / Math.max(1, budget.remaining);
    const sinceMs = this.#askedAt === undefined ? Infinity : now - this.#askedAt;
    // Who waits has half a pause to come again.
    const isFree = sinceMs >= pauseMs * 1.5 || (sinceMs >= pauseMs && this.#isNext(checkedAt));
    if (!isFree) {
      if (this.#waiting.size < maxWaiting) this.#waiting.set(key, checkedAt);
      return false;
    }
    if (this.#askedAt === undefined) this.#logBegin(budget);
    this.#askedAt = now;
    this.#waiting.clear();
    return true;
  }

  #isNext(checkedAt: number): boolean {
    return [...this.#waiting.values()].every((other) => checkedAt <= other);
  }

  /** What was told a whole window ago says nothing of now. */
  #findLowBudget(): Budget | undefined {
    const { budget } = this.#upstream;
    if (!budget || budget.remaining > budget.limit * lowShare) return undefined;
    const ageMs = Math.abs(this.#clock.now() - budget.toldAt);
    return ageMs < budget.windowMs ? budget : undefined;
  }

  #logBegin({ limit, remaining, windowMs }: Budget): void {
    this.#log.warn(
      { upstream: this.#upstream.host, limit, remaining, windowMs },
      "upstream's rate limit is nearly used up: what is here is seldom revalidated until there is more",
    );
  }

  #end(): void {
    if (this.#askedAt === undefined) return;
    this.#askedAt = undefined;
    this.#waiting.clear();
    const { host, budget } = this.#upstream;
    this.#log.info(
      { upstream: host, limit: budget?.limit, remaining: budget?.remaining },
      "upstream's rate limit leaves enough again: revalidation goes on as usual",
    );
  }
}
