import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import type { Clock } from "../../../src/clock.ts";
import type { OperationArgs, PrefetchReport } from "../../../src/registry/operations/operations.ts";
import { PrefetchSchedule } from "../../../src/registry/prefetch-schedule.ts";
import { eventually } from "../../support/wait.ts";

/** Stands still until it is told to go on; who sleeps wakes when its time has come. */
class SteppedClock implements Clock {
  readonly sleeps: number[] = [];
  #now: number;
  #passed = 0;
  readonly #sleepers = new Set<{ at: number; wake: () => void }>();

  constructor(at: string) {
    this.#now = Date.parse(at);
  }

  get sleepers(): number {
    return this.#sleepers.size;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#passed;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeps.push(ms);
    return new Promise((resolve, reject) => {
      const sleeper = { at: this.#passed + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });
  }

  set(at: string): void {
    this.#now = Date.parse(at);
  }

  /** Time passes; whoever wakes has his turn. */
  async pass(ms: number): Promise<void> {
    this.#now += ms;
    this.#passed += ms;
    for (const sleeper of this.#sleepers) {
      if (sleeper.at > this.#passed) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  }
}

const minute = 60_000;
const done: PrefetchReport = { names: [], blobs: 2, fetchedBytes: 10, presentBytes: 5 };

class World implements AsyncDisposable {
  readonly clock: SteppedClock;
  readonly runs: { at: string; args: OperationArgs<"prefetch"> }[] = [];
  readonly lines: Record<string, unknown>[] = [];
  /** What a run comes to. */
  outcome: (signal: AbortSignal) => Promise<PrefetchReport> = () => Promise.resolve(done);
  readonly #schedule: PrefetchSchedule;

  constructor(options: { at: string; schedule: string; timeZone?: string }) {
    this.clock = new SteppedClock(options.at);
    this.#schedule = new PrefetchSchedule({
      names: ["node:24"],
      platforms: [{ os: "linux", architecture: "arm64" }],
      schedule: options.schedule,
      timeZone: options.timeZone ?? "UTC",
      prefetch: (args, { signal }) => {
        this.runs.push({ at: new Date(this.clock.now()).toISOString(), args });
        return this.outcome(signal);
      },
      clock: this.clock,
      log: pino(
        { base: null, formatters: { level: (level) => ({ level }) } },
        { write: (line) => void this.lines.push(JSON.parse(line)) },
      ),
    });
  }

  async pass(minutes: number): Promise<void> {
    for (let passed = 0; passed < minutes; passed += 1) await this.clock.pass(minute);
  }

  get times(): string[] {
    return this.runs.map(({ at }) => at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#schedule[Symbol.asyncDispose]();
  }
}

describe("PrefetchSchedule", () => {
  test("runs when the pattern says so, and not at the start", async () => {
    await using world = new World({ at: "2026-03-01T00:30:00Z", schedule: "0 * * * *" });
    await world.pass(29);
    expect(world.runs).toEqual([]);
    await world.pass(91);
    expect(world.times).toEqual(["2026-03-01T01:00:00.000Z", "2026-03-01T02:00:00.000Z"]);
    expect(world.runs[0]?.args).toEqual({ names: ["node:24"], platforms: ["linux/arm64"] });
    expect(Math.max(...world.clock.sleeps)).toBeLessThanOrEqual(minute);
  });

  test("reads the pattern in its time zone", async () => {
    await using world = new World({
      at: "2026-03-01T16:00:00Z",
      schedule: "0 3 * * *",
      timeZone: "Asia/Tokyo",
    });
    await world.pass(180);
    expect(world.times).toEqual(["2026-03-01T18:00:00.000Z"]);
  });

  test("leaves out what falls due during a run", async () => {
    await using world = new World({ at: "2026-03-01T00:00:30Z", schedule: "*/10 * * * *" });
    const running = Promise.withResolvers<PrefetchReport>();
    world.outcome = () => running.promise;
    await world.pass(25);
    expect(world.runs).toHaveLength(1);
    running.resolve(done);
    await world.pass(1);
    expect(world.runs).toHaveLength(1);
    await world.pass(6);
    expect(world.times.map((at) => at.slice(11, 16))).toEqual(["00:10", "00:30"]);
  });

  test("runs once when the clock has jumped over several times", async () => {
    await using world = new World({ at: "2026-03-01T00:00:00Z", schedule: "30 * * * *" });
    world.clock.set("2026-03-01T05:45:00Z");
    await world.pass(10);
    expect(world.runs).toHaveLength(1);
  });

  test("goes by the new time when the clock was set back", async () => {
    await using world = new World({ at: "2026-03-05T00:00:00Z", schedule: "0 3 * * *" });
    await world.pass(1);
    world.clock.set("2026-03-01T02:50:00Z");
    await world.pass(15);
    expect(world.times).toEqual(["2026-03-01T03:00:00.000Z"]);
  });

  test("says in one line what came", async () => {
    await using world = new World({ at: "2026-03-01T00:59:00Z", schedule: "@hourly" });
    await world.pass(1);
    expect(world.lines).toEqual([
      expect.objectContaining({ level: "info", names: 0, blobs: 2, fetchedBytes: 10 }),
    ]);
  });

  test("warns of the names that did not come, and goes on", async () => {
    await using world = new World({ at: "2026-03-01T00:59:00Z", schedule: "@hourly" });
    const names = [
      { name: "docker.io/library/a:1", complete: true },
      { name: "docker.io/library/b:1", complete: false, problem: "manifest unknown" },
    ];
    world.outcome = () => Promise.resolve({ ...done, names });
    await world.pass(1);
    expect(world.lines).toEqual([
      expect.objectContaining({
        level: "warn",
        failedNames: 1,
        problems: ["docker.io/library/b:1: manifest unknown"],
      }),
    ]);
    world.outcome = () => Promise.reject(new Error("unforeseen"));
    await world.pass(60);
    expect(world.lines[1]).toMatchObject({ level: "error" });
    await world.pass(60);
    expect(world.runs).toHaveLength(3);
  });

  test("disposing of it ends a run, without a word", async () => {
    const world = new World({ at: "2026-03-01T00:59:00Z", schedule: "@hourly" });
    world.outcome = (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    await world.pass(1);
    expect(world.runs).toHaveLength(1);
    await world[Symbol.asyncDispose]();
    expect(world.lines).toEqual([]);
    expect(world.clock.sleepers).toBe(0);
  });

  test("disposing of it ends the waiting", async () => {
    const world = new World({ at: "2026-03-01T00:59:00Z", schedule: "@yearly" });
    await eventually("a sleeper", () => world.clock.sleepers === 1);
    await world[Symbol.asyncDispose]();
    expect(world.clock.sleepers).toBe(0);
  });
});
