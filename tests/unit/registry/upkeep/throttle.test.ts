import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { Throttle } from "../../../../src/registry/upkeep/throttle.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const bytesPerSecond = 1_000_000;
const never = new AbortController().signal;

describe("a throttle", () => {
  test("takes as long as the work ought to, in pieces of any size", async () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 500_000 }), { minLength: 1, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(pieces, async (sizes) => {
        const clock = new SteppedClock();
        const throttle = new Throttle({ clock, bytesPerSecond });
        for (const size of sizes) await throttle.spend(size, never);
        const expectedMs = sizes.reduce((sum, size) => sum + size, 0) / 1000;
        expect(clock.monotonic()).toBeGreaterThan(expectedMs - 20);
        expect(clock.monotonic()).toBeLessThan(expectedMs + 1);
      }),
    );
  });

  test("does not make up for time without work", async () => {
    const clock = new SteppedClock();
    const throttle = new Throttle({ clock, bytesPerSecond });
    await throttle.spend(100_000, never);
    clock.advance(60_000);
    await throttle.spend(100_000, never);
    expect(clock.monotonic()).toBe(60_200);
  });

  test("does not wait at all without a limit", async () => {
    const clock = new SteppedClock();
    const throttle = new Throttle({ clock, bytesPerSecond: Infinity });
    await throttle.spend(10 ** 12, never);
    expect(clock.monotonic()).toBe(0);
  });

  test("lets go of who waits when it is told to", async () => {
    const clock = new SteppedClock();
    const throttle = new Throttle({ clock, bytesPerSecond: 1 });
    const abort = new AbortController();
    const stopped = expect(throttle.spend(1000, abort.signal)).rejects.toThrow("stop");
    abort.abort(new Error("stop"));
    await stopped;
  });
});
