import { describe, expect, test } from "@jest/globals";
import { parseRepositoryName, qualifyName } from "../../../src/oci/repository-name.ts";
import { Statistics, type AnsweredRequest } from "../../../src/registry/statistics.ts";
import { MetadataError } from "../../../src/store/metadata/metadata-error.ts";
import { SqliteMetadataStore } from "../../../src/store/metadata/sqlite-metadata-store.ts";
import type { TrafficStore } from "../../../src/store/metadata/traffic-store.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";
import { eventually } from "../../support/wait.ts";
import { makeRecordingLog } from "../store/metadata/recording-log.ts";

const dayMs = 24 * 3_600_000;
const node = qualifyName("docker.io", parseRepositoryName("library/node"));
const hit: AnsweredRequest = { repository: node, kind: "blob", outcome: "HIT", bytes: 10 };

class Bench implements AsyncDisposable {
  readonly clock = new SteppedClock();
  readonly log = makeRecordingLog();
  readonly metadata = SqliteMetadataStore.openInMemory({ log: this.log.log });
  /** While set, nothing can be written. */
  failure: MetadataError | undefined;
  readonly statistics = new Statistics({
    traffic: this.#withFailures(this.metadata.traffic),
    clock: this.clock,
    log: this.log.log,
  });

  get today(): number {
    return Math.floor(this.clock.now() / dayMs) * dayMs;
  }

  get traffic(): TrafficStore {
    return this.metadata.traffic;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.statistics[Symbol.asyncDispose]();
    await this.metadata[Symbol.asyncDispose]();
  }

  #withFailures(store: TrafficStore): TrafficStore {
    const check = () => {
      if (this.failure) throw this.failure;
    };
    return {
      addTraffic: async (traffic, intake) => {
        check();
        return store.addTraffic(traffic, intake);
      },
      deleteTrafficBefore: async (day) => {
        check();
        return store.deleteTrafficBefore(day);
      },
      sumTraffic: (since) => store.sumTraffic(since),
      sumIntake: (since) => store.sumIntake(since),
      listTopRepositories: (since, limit) => store.listTopRepositories(since, limit),
    };
  }
}

const full = () => new MetadataError("full", "no space is left");

describe("statistics", () => {
  test("sum up what was answered and received", async () => {
    await using bench = new Bench();
    const { statistics, traffic, today } = bench;
    statistics.noteAnswer(hit);
    statistics.noteAnswer(hit);
    statistics.noteAnswer({ ...hit, outcome: "MISS", bytes: 5 });
    statistics.noteAnswer({ ...hit, repository: undefined, outcome: "ERROR", bytes: 1 });
    statistics.noteReceived(100);
    statistics.noteReceived(11);
    await statistics.flush();
    expect(await traffic.sumIntake(today)).toBe(111);
    expect(await traffic.sumTraffic(today)).toEqual(
      expect.arrayContaining([
        { kind: "blob", outcome: "HIT", requests: 2, bytes: 20 },
        { kind: "blob", outcome: "MISS", requests: 1, bytes: 5 },
        { kind: "blob", outcome: "ERROR", requests: 1, bytes: 1 },
      ]),
    );
    const top = [{ repository: node, requests: 3, bytes: 25 }];
    expect(await traffic.listTopRepositories(today, 10)).toEqual(top);
  });

  test("are written down every ten seconds", async () => {
    await using bench = new Bench();
    bench.statistics.noteReceived(7);
    bench.clock.advance(9999);
    expect(await bench.traffic.sumIntake(0)).toBe(0);
    bench.clock.advance(1);
    await eventually("a flush", async () => (await bench.traffic.sumIntake(0)) === 7);
    bench.statistics.noteReceived(3);
    await eventually("the next flush", async () => {
      bench.clock.advance(10_000);
      return (await bench.traffic.sumIntake(0)) === 10;
    });
  });

  test("are written down at the end", async () => {
    await using bench = new Bench();
    bench.statistics.noteAnswer(hit);
    await bench.statistics[Symbol.asyncDispose]();
    expect(await bench.traffic.sumTraffic(0)).toHaveLength(1);
  });

  test("belong to the day, UTC, on which it happened", async () => {
    await using bench = new Bench();
    const { clock, statistics, today, traffic } = bench;
    clock.advance(today + dayMs - 1 - clock.now());
    statistics.noteReceived(1);
    statistics.noteAnswer(hit);
    clock.advance(1);
    statistics.noteReceived(2);
    await statistics.flush();
    expect(await traffic.sumIntake(today)).toBe(3);
    expect(await traffic.sumIntake(today + dayMs)).toBe(2);
    expect(await traffic.sumTraffic(today + dayMs)).toEqual([]);
  });

  test("are kept while they cannot be written, and written once they can", async () => {
    await using bench = new Bench();
    const { statistics, traffic } = bench;
    bench.failure = full();
    for (let round = 0; round < 3; round += 1) {
      statistics.noteAnswer(hit);
      statistics.noteReceived(1);
      await statistics.flush();
    }
    expect(await traffic.sumTraffic(0)).toEqual([]);
    expect(bench.log.lines).toMatchObject([{ level: 40, err: { message: "no space is left" } }]);
    bench.failure = undefined;
    await statistics.flush();
    const sum = { kind: "blob", outcome: "HIT", requests: 3, bytes: 30 };
    expect(await traffic.sumTraffic(0)).toEqual([sum]);
    expect(await traffic.sumIntake(0)).toBe(3);
    expect(bench.log.lines).toHaveLength(2);
  });

  test("of very many repositories stay right in their sums while nothing can be written", async () => {
    await using bench = new Bench();
    const { statistics, traffic } = bench;
    bench.failure = full();
    const count = 11_000;
    for (let index = 0; index < count; index += 1) {
      const repository = qualifyName("docker.io", parseRepositoryName(`a/r${index}`));
      statistics.noteAnswer({ ...hit, repository });
    }
    await statistics.flush();
    bench.failure = undefined;
    await statistics.flush();
    const sum = { kind: "blob", outcome: "HIT", requests: count, bytes: count * 10 };
    expect(await traffic.sumTraffic(0)).toEqual([sum]);
    const top = await traffic.listTopRepositories(0, count);
    expect(top.length).toBeGreaterThan(9_000);
    expect(top.length).toBeLessThanOrEqual(10_000);
  });

  test("are forgotten after 400 days", async () => {
    await using bench = new Bench();
    const { clock, statistics, traffic } = bench;
    statistics.noteReceived(1);
    await statistics.flush();
    clock.advance(400 * dayMs);
    await statistics.flush();
    expect(await traffic.sumIntake(0)).toBe(1);
    clock.advance(dayMs);
    await statistics.flush();
    expect(await traffic.sumIntake(0)).toBe(0);
  });
});
