import type { Intake, Traffic } from "../store/metadata/traffic-store.ts";

/**
 * Beyond so many counts, further repositories are counted together: while nothing can be written
 * down, memory stays bounded and the sums stay right.
 */
const maxCounts = 10_000;

/** Sums of what happened and was not written down yet. */
export class TrafficCounts {
  /** By repository: the few kinds and outcomes of it are looked through, which takes no text for a key. */
  readonly #traffic = new Map<Traffic["repository"], Traffic[]>();
  readonly #intake = new Map<number, Intake>();
  #count = 0;

  addTraffic(counted: Traffic): void {
    const sums = this.#traffic.get(counted.repository);
    const sum = sums?.find((other) => isOfOneKind(other, counted));
    if (sum) {
      sum.requests += counted.requests;
      sum.bytes += counted.bytes;
    } else if (this.#count < maxCounts || counted.repository === undefined) {
      this.#count += 1;
      if (sums) sums.push({ ...counted });
      else this.#traffic.set(counted.repository, [{ ...counted }]);
    } else {
      this.addTraffic({ ...counted, repository: undefined });
    }
  }

  addIntake({ day, bytes }: Intake): void {
    const sum = this.#intake.get(day);
    if (sum) sum.bytes += bytes;
    else this.#intake.set(day, { day, bytes });
  }

  /** Takes out all intake and about `limit` counts of traffic; undefined: there is nothing. */
  take(limit: number): { traffic: Traffic[]; intake: Intake[] } | undefined {
    if (this.#traffic.size === 0 && this.#intake.size === 0) return undefined;
    const traffic: Traffic[] = [];
    for (const [repository, sums] of this.#traffic) {
      if (traffic.length >= limit) break;
      traffic.push(...sums);
      this.#traffic.delete(repository);
    }
    this.#count -= traffic.length;
    const intake = [...this.#intake.values()];
    this.#intake.clear();
    return { traffic, intake };
  }
}

function isOfOneKind(a: Traffic, b: Traffic): boolean {
  return a.outcome === b.outcome && a.kind === b.kind && a.day === b.day;
}
