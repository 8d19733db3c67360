import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { MovingAverage } from "../../../src/upstream/moving-average.ts";
import { ManualClock } from "./manual-clock.ts";

const freshForMs = 1000;
const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 });

describe("MovingAverage", () => {
  test("begins with the first value", () => {
    const average = new MovingAverage(new ManualClock(), freshForMs);
    expect(average.value).toBeUndefined();
    average.add(100);
    expect(average.value).toBe(100);
  });

  test("never leaves what its values span", () => {
    fc.assert(
      fc.property(values, (added) => {
        const average = new MovingAverage(new ManualClock(), freshForMs);
        for (const value of added) average.add(value);
        expect(average.value).toBeGreaterThanOrEqual(Math.min(...added) * (1 - 1e-9));
        expect(average.value).toBeLessThanOrEqual(Math.max(...added) * (1 + 1e-9));
      }),
    );
  });

  test("comes close to what stays the same for ten values, whatever was before", () => {
    const average = new MovingAverage(new ManualClock(), freshForMs);
    average.add(1000);
    for (let count = 0; count < 10; count += 1) average.add(10);
    expect(average.value).toBeLessThan(40);
  });

  test("is fresh from its last value on, and begins anew when it is not", () => {
    const clock = new ManualClock();
    const average = new MovingAverage(clock, freshForMs);
    expect(average.fresh).toBeUndefined();
    average.add(5);
    clock.advance(900);
    average.add(5);
    clock.advance(1000);
    expect(average.fresh).toBe(5);
    clock.advance(1);
    expect(average.fresh).toBeUndefined();
    expect(average.value).toBe(5);
    average.add(100);
    expect(average.fresh).toBe(100);
  });
});
