import type { Intake, Traffic } from "../store/metadata/traffic-store.ts";

/**
 * Beyond so many counts, further repositories are counted together: while nothing can be written
 * down, memory stays bounded and the sums stay right.
 */
const maxCounts = 10_000;

/** Sums of what happened and was not written down yet. */
export class TrafficCounts {
  readonly #traffic = new Map<string, Traffic>();
  readonly #intake = new Map<number, Intake>();

  addTraffic(counted: Traffic): void {
    const key = trafficKey(counted);
    const sum = this.#traffic.get(key);
    if (sum) {
      sum.requests += counted.requests;
      sum.bytes += counted.bytes;
    } else if (this.#traffic.size < maxCounts || counted.repository === undefined) {
      this.#traffic.set(key, { ...counted });
    } else {
      this.addTraffic({ ...counted, repository: undefined });
    }
  }

  addIntake({ day, bytes }: Intake): void {
    const sum = this.#intake.get(day);
    if (sum) sum.bytes += bytes;
    else this.#intake.set(day, { day, bytes });
  }

  /** Takes out all intake and up to `limit` counts of traffic; undefined: there is nothing. */
  take(limit: number): { traffic: Traffic[]; intake: Intake[] } | undefined {
    if (this.#traffic.size === 0 && this.#intake.size === 0) return undefined;
    const traffic = [...this.#traffic.values()].slice(0, limit);
    for (const counted of traffic) this.#traffic.delete(trafficKey(counted));
    const intake = [...this.#intake.values()];
    this.#intake.clear();
    return { traffic, intake };
  }
}

function trafficKey({ day, repository, kind, outcome }: Traffic): string {
  return `${day} ${kind} ${outcome} ${repository ?? ""}`;
}
