import { describe, expect, test } from "@jest/globals";
import { EndpointHealth } from "../../../src/upstream/endpoint-health.ts";
import { UpstreamError } from "../../../src/upstream/upstream.ts";
import { ManualClock } from "./manual-clock.ts";

const mebibyte = 1024 * 1024;

describe("the throughput of an endpoint", () => {
  test("is a body's bytes by the time waited for them", () => {
    const health = new EndpointHealth(new ManualClock());
    health.noteBody(4 * mebibyte, 2000);
    expect(health.freshThroughput).toBe(2 * mebibyte);
  });

  test.each([
    ["a small body that came soon", 200_000, 900, undefined],
    ["a small body that took its time", 1000, 1000, 1000],
    ["a body of which nothing came", 0, 5000, 0],
  ])("for %s of %i bytes in %i ms is %s", (_, bytes, waitedMs, expected) => {
    const health = new EndpointHealth(new ManualClock());
    health.noteBody(bytes, waitedMs);
    expect(health.freshThroughput).toBe(expected);
  });

  test("has a limit for bytes that nobody had to wait for", () => {
    const health = new EndpointHealth(new ManualClock());
    health.noteBody(100 * mebibyte, 0);
    expect(health.freshThroughput).toBe(1000 * mebibyte);
  });

  test("counts for five minutes, and is told for longer", () => {
    const clock = new ManualClock();
    const health = new EndpointHealth(clock);
    health.noteLatency(20);
    health.noteBody(mebibyte, 1000);
    clock.advance(5 * 60_000 + 1);
    expect(health.freshThroughput).toBeUndefined();
    expect(health.freshLatency).toBeUndefined();
    expect(health.describe()).toMatchObject({ latencyMs: 20, bytesPerSecond: mebibyte });
  });
});

describe("what is counted of an endpoint", () => {
  test("are its requests, begun and over", () => {
    const health = new EndpointHealth(new ManualClock());
    expect([health.isUnused, health.isBusy]).toEqual([true, false]);
    const request = health.begin();
    expect([health.isUnused, health.isBusy]).toEqual([false, true]);
    request[Symbol.dispose]();
    expect([health.isUnused, health.isBusy]).toEqual([false, false]);
    expect(health.describe().requests).toBe(1);
  });

  test("are its failures with the last one, but not that it denied something", () => {
    const clock = new ManualClock();
    const health = new EndpointHealth(clock);
    health.noteFailure(new UpstreamError("denied", "status 403"));
    expect(health.describe()).toMatchObject({ failures: 0, lastError: undefined });
    health.noteFailure(new UpstreamError("timeout", "too slow"));
    clock.advance(1000);
    health.noteFailure(new UpstreamError("server-error", "status 500"));
    expect(health.describe()).toMatchObject({
      failures: 2,
      lastError: { at: clock.now(), failure: "server-error", message: "status 500" },
    });
  });
});
