import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { pino } from "pino";
import { RevalidationPace } from "../../../src/registry/revalidation-pace.ts";
import type { Budget } from "../../../src/upstream/upstream.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const hour = 3_600_000;
const windowMs = 6 * hour;

class World {
  readonly clock = new SteppedClock();
  readonly lines: Record<string, unknown>[] = [];
  readonly upstream: { host: string; budget: Budget | undefined } = {
    host: "docker.io",
    budget: undefined,
  };
  readonly pace = new RevalidationPace({
    upstream: this.upstream,
    clock: this.clock,
    log: pino(
      { base: null, timestamp: false, formatters: { level: (level) => ({ level }) } },
      { write: (line) => void this.lines.push(JSON.parse(line)) },
    ),
  });

  /** Upstream says so now. */
  tell(remaining: number, limit = 100): void {
    this.upstream.budget = { limit, remaining, windowMs, toldAt: this.clock.now() };
  }

  /** How many of so many that ask about the same at once are admitted. */
  admit(count: number): number {
    return Array.from({ length: count }, () => this.pace.admit("tag", 0)).filter(Boolean).length;
  }
}

describe("RevalidationPace", () => {
  test("admits all while upstream tells no budget", () => {
    const world = new World();
    expect(world.admit(100)).toBe(100);
    expect(world.lines).toEqual([]);
  });

  test("admits all while more than a tenth of the limit is left", () => {
    const world = new World();
    world.tell(11);
    expect(world.admit(100)).toBe(100);
    world.tell(10);
    expect(world.admit(100)).toBe(1);
  });

  test("spreads what is left over the window", () => {
    const world = new World();
    world.tell(6);
    expect(world.admit(10)).toBe(1);
    world.clock.advance(hour - 1);
    expect(world.admit(10)).toBe(0);
    world.clock.advance(1);
    expect(world.admit(10)).toBe(1);
  });

  test("goes by what is left now", () => {
    const world = new World();
    world.tell(0);
    expect(world.admit(1)).toBe(1);
    world.clock.advance(hour);
    expect(world.admit(1)).toBe(0);
    world.tell(6);
    expect(world.admit(1)).toBe(1);
  });

  test("admits one a window while nothing is left", () => {
    const world = new World();
    world.tell(0);
    expect(world.admit(10)).toBe(1);
    world.clock.advance(windowMs - 1);
    world.tell(0);
    expect(world.admit(10)).toBe(0);
    world.clock.advance(1);
    expect(world.admit(10)).toBe(1);
  });

  test("admits all once the window is over in which it was told", () => {
    const world = new World();
    world.tell(0);
    world.admit(1);
    world.clock.advance(windowMs);
    expect(world.admit(10)).toBe(10);
  });

  test("admits no more in a window than were left, and one", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 100 }),
        fc.array(fc.nat({ max: 1000 }), { maxLength: 100 }),
        (remaining, steps) => {
          const world = new World();
          world.tell(remaining, 1000);
          let admitted = 0;
          let passed = 0;
          for (const step of steps) {
            const advance = step * (windowMs / 20_000);
            passed += advance;
            if (passed >= windowMs) break;
            world.clock.advance(advance);
            admitted += world.admit(3);
          }
          expect(admitted).toBeLessThanOrEqual(Math.max(1, remaining) + 1);
        },
      ),
    );
  });

  test("lets those first that were longest not asked about, if they come in time", () => {
    const { pace, clock, ...world } = new World();
    world.upstream.budget = { limit: 100, remaining: 6, windowMs, toldAt: clock.now() };
    expect(pace.admit("busy", 1)).toBe(true);
    expect(pace.admit("rare", 0)).toBe(false);
    clock.advance(hour);
    expect(pace.admit("busy", 1)).toBe(false);
    expect(pace.admit("rare", 0)).toBe(true);
    expect(pace.admit("busy", 1)).toBe(false);
    expect(pace.admit("gone", 0)).toBe(false);
    clock.advance(hour);
    expect(pace.admit("busy", 1)).toBe(false);
    clock.advance(hour / 2);
    expect(pace.admit("busy", 1)).toBe(true);
  });

  test("says once that it begins, and once that it ends", () => {
    const world = new World();
    world.tell(11);
    world.admit(3);
    world.tell(5);
    world.admit(3);
    world.clock.advance(hour);
    world.admit(3);
    world.clock.advance(windowMs);
    world.tell(100);
    world.admit(3);
    const upstream = "docker.io";
    expect(world.lines).toEqual([
      expect.objectContaining({ level: "warn", upstream, limit: 100, remaining: 5, windowMs }),
      expect.objectContaining({ level: "info", upstream, limit: 100, remaining: 100 }),
    ]);
  });

  test("tells clients whose limit it is", () => {
    const { pace } = new World();
    expect(pace.warning).toBe("docker.io's rate limit is nearly used up; this is what it last had");
  });
});
