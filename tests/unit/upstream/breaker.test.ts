import { describe, expect, test } from "@jest/globals";
import { Breaker } from "../../../src/upstream/breaker.ts";
import { ManualClock } from "./manual-clock.ts";

function fail(breaker: Breaker, times: number): void {
  for (let count = 0; count < times; count += 1) breaker.noteFailure();
}

/** Lets the probe through, and has it fail. */
function failProbe(breaker: Breaker): void {
  using permit = breaker.permit();
  expect(permit).toBeDefined();
  breaker.noteFailure();
}

describe("Breaker", () => {
  test("opens after five failures in a row", () => {
    const breaker = new Breaker(new ManualClock());
    fail(breaker, 4);
    expect(breaker.isReady).toBe(true);
    fail(breaker, 1);
    expect(breaker.isReady).toBe(false);
    expect(breaker.permit()).toBeUndefined();
  });

  test("starts counting anew with every answer", () => {
    const breaker = new Breaker(new ManualClock());
    fail(breaker, 4);
    breaker.noteAnswer();
    fail(breaker, 4);
    expect(breaker.isReady).toBe(true);
  });

  test("lets one request at a time through after 5 s", () => {
    const clock = new ManualClock();
    const breaker = new Breaker(clock);
    fail(breaker, 5);
    clock.advance(4999);
    expect(breaker.isReady).toBe(false);
    clock.advance(1);
    const probe = breaker.permit();
    expect(probe).toBeDefined();
    expect(breaker.isReady).toBe(false);
    expect(breaker.permit()).toBeUndefined();
    probe?.[Symbol.dispose]();
    expect(breaker.isReady).toBe(true);
  });

  test("closes with an answer", () => {
    const clock = new ManualClock();
    const breaker = new Breaker(clock);
    fail(breaker, 5);
    clock.advance(5000);
    using probe = breaker.permit();
    expect(probe).toBeDefined();
    breaker.noteAnswer();
    expect(breaker.permit()).toBeDefined();
    expect(breaker.permit()).toBeDefined();
  });

  test("rests twice as long after each probe that fails, up to a minute", () => {
    const clock = new ManualClock();
    const breaker = new Breaker(clock);
    fail(breaker, 5);
    for (const restMs of [5000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      clock.advance(restMs - 1);
      expect(breaker.isReady).toBe(false);
      clock.advance(1);
      failProbe(breaker);
    }
  });

  test("does not rest longer for late failures of requests from before", () => {
    const clock = new ManualClock();
    const breaker = new Breaker(clock);
    fail(breaker, 25);
    clock.advance(5000);
    expect(breaker.isReady).toBe(true);
  });
});
