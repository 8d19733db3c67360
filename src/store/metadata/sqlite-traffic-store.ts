import { setImmediate } from "node:timers/promises";
import type { RecoveringTables } from "./sqlite-recovery.ts";
import type { RepositoryTraffic, TrafficSum } from "./sqlite-traffic.ts";
import type { Intake, Traffic, TrafficStore } from "./traffic-store.ts";

/** A year of many repositories takes long to add up: requests are let in after each day. */
export class SqliteTrafficStore implements TrafficStore {
  readonly #tables: RecoveringTables;

  constructor(tables: RecoveringTables) {
    this.#tables = tables;
  }

  async addTraffic(added: readonly Traffic[], intake: readonly Intake[]): Promise<void> {
    this.#tables.use(({ traffic }) => traffic.add(added, intake));
  }

  async sumTraffic(since: number): Promise<TrafficSum[]> {
    const sums = new Map<string, TrafficSum>();
    for await (const day of this.#days(since)) {
      for (const counted of this.#tables.use(({ traffic }) => traffic.sumDay(day))) {
        addTo(sums, `${counted.kind} ${counted.outcome}`, counted);
      }
    }
    return [...sums.values()];
  }

  async sumIntake(since: number): Promise<number> {
    return this.#tables.use(({ traffic }) => traffic.sumIntake(since));
  }

  async listTopRepositories(since: number, limit: number): Promise<RepositoryTraffic[]> {
    const sums = new Map<string, RepositoryTraffic>();
    for await (const day of this.#days(since)) {
      for (const counted of this.#tables.use(({ traffic }) => traffic.sumDayByRepository(day))) {
        addTo(sums, counted.repository, counted);
      }
    }
    return [...sums.values()].toSorted(byWeight).slice(0, limit);
  }

  async deleteTrafficBefore(day: number): Promise<void> {
    this.#tables.use(({ traffic }) => traffic.deleteBefore(day));
  }

  /** Those with traffic. */
  async *#days(since: number): AsyncGenerator<number, void> {
    let day = this.#findDay(since);
    while (day !== undefined) {
      yield day;
      await setImmediate();
      day = this.#findDay(day + 1);
    }
  }

  #findDay(since: number): number | undefined {
    return this.#tables.use(({ traffic }) => traffic.findDay(since));
  }
}

function addTo<Counted extends { requests: number; bytes: number }>(
  sums: Map<string, Counted>,
  key: string,
  counted: Counted,
): void {
  const sum = sums.get(key);
  if (!sum) {
    sums.set(key, counted);
    return;
  }
  sum.requests += counted.requests;
  sum.bytes += counted.bytes;
}

function byWeight(a: RepositoryTraffic, b: RepositoryTraffic): number {
  const difference = b.bytes - a.bytes || b.requests - a.requests;
  if (difference !== 0) return difference;
  return a.repository < b.repository ? -1 : 1;
}
