import type { Digest } from "../../oci/digest.ts";

export interface Use {
  digest: Digest;
  at: number;
}

/**
 * The way of uses down from manifests to what they refer to. As the latest use goes first, few
 * digests are visited more than once however many lead to them; cycles end.
 */
export class UseWalk {
  readonly #visited = new Map<Digest, number>();
  /** The next one is the last. */
  readonly #ahead: Use[];

  constructor(uses: ReadonlyMap<Digest, number>) {
    this.#ahead = Array.from(uses, ([digest, at]) => ({ digest, at })).toSorted(
      (one, other) => one.at - other.at,
    );
  }

  /** The next ones to visit, at most `limit`; none when the walk is over. */
  take(limit: number): Use[] {
    const taken: Use[] = [];
    while (taken.length < limit) {
      const use = this.#ahead.pop();
      if (!use) break;
      const visitedAt = this.#visited.get(use.digest);
      if (visitedAt !== undefined && visitedAt >= use.at) continue;
      this.#visited.set(use.digest, use.at);
      taken.push(use);
    }
    return taken;
  }

  /** Ones below those taken, with their times. */
  add(uses: Iterable<Use>): void {
    for (const use of uses) this.#ahead.push(use);
  }
}
