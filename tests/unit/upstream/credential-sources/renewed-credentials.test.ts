import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import type { Credentials } from "../../../../src/upstream/credentials.ts";
import {
  RenewedCredentials,
  renewShortlyBefore,
  type GrantedCredentials,
} from "../../../../src/upstream/credential-sources/renewed-credentials.ts";
import { UpstreamError } from "../../../../src/upstream/upstream.ts";
import { openLog } from "../../../support/fake-cloud.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const lifeMs = 60 * 60_000;

function bearer(token: string): Credentials {
  return { kind: "bearer", token };
}

/** Tokens t1, t2, …, unless `failing`; renewed at half of an hour. */
function openRenewed(fetch?: (signal: AbortSignal) => Promise<GrantedCredentials>) {
  const { log, lines } = openLog();
  const clock = new SteppedClock();
  const owner = new AbortController();
  const cloud = { failing: false, asked: 0 };
  const source = new RenewedCredentials({
    name: "fake",
    clock,
    log,
    signal: owner.signal,
    renewAfterMs: (life) => life / 2,
    fetch: async (signal) => {
      cloud.asked += 1;
      if (fetch) return fetch(signal);
      await nextTurn();
      if (cloud.failing) throw new UpstreamError("server-error", "fake: status 503");
      return { credentials: bearer(`t${cloud.asked}`), lifeMs };
    },
  });
  return { source, cloud, clock, lines, close: () => owner.abort() };
}

/** Lets a renewal that nobody waits for come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
}

describe("RenewedCredentials", () => {
  test("fetches once for all who wait, and keeps what came", async () => {
    const { source, cloud } = openRenewed();
    const all = await Promise.all([source.get(), source.get(), source.get()]);
    expect([...all, await source.get()]).toEqual(Array(4).fill(bearer("t1")));
    expect(cloud.asked).toBe(1);
  });

  test("renews beside the requests, once, when it is time", async () => {
    const { source, cloud, clock } = openRenewed();
    await source.get();
    clock.advance(lifeMs / 2 - 1);
    await source.get();
    expect(cloud.asked).toBe(1);
    clock.advance(1);
    const during = await Promise.all([source.get(), source.get()]);
    expect(during).toEqual([bearer("t1"), bearer("t1")]);
    await settle();
    expect(await source.get()).toEqual(bearer("t2"));
    expect(cloud.asked).toBe(2);
  });

  test("waits for new ones where the old ones have run out", async () => {
    const { source, clock } = openRenewed();
    await source.get();
    clock.advance(lifeMs);
    expect(await source.get()).toEqual(bearer("t2"));
  });

  test("goes on with the old ones to their end while it cannot renew, and says so", async () => {
    const { source, cloud, clock, lines } = openRenewed();
    await source.get();
    cloud.failing = true;
    clock.advance(lifeMs / 2);
    await source.get();
    await settle();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("status 503");
    expect(lines[0]).not.toContain("t1");
    clock.advance(lifeMs / 2 - 1);
    expect(await source.get()).toEqual(bearer("t1"));
    await settle();
    clock.advance(10_001);
    await expect(source.get()).rejects.toThrow("status 503");
  });

  test("asks nobody for ten seconds after a failure", async () => {
    const { source, cloud, clock } = openRenewed();
    cloud.failing = true;
    await expect(source.get()).rejects.toThrow("status 503");
    cloud.failing = false;
    clock.advance(9999);
    await expect(source.get()).rejects.toThrow("status 503");
    expect(cloud.asked).toBe(1);
    clock.advance(1);
    expect(await source.get()).toEqual(bearer("t2"));
  });

  test("forgets what was refused", async () => {
    const { source } = openRenewed();
    source.refuse({ ...(await source.get()) });
    expect(await source.get()).toEqual(bearer("t2"));
  });

  test("keeps newer ones when older ones are refused", async () => {
    const { source, cloud } = openRenewed();
    const old = await source.get();
    source.refuse(old);
    await source.get();
    source.refuse(old);
    expect(await source.get()).toEqual(bearer("t2"));
    expect(cloud.asked).toBe(2);
  });

  test("gives up what takes more than a minute", async () => {
    const signals: AbortSignal[] = [];
    const { source, clock } = openRenewed((signal) => {
      signals.push(signal);
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    });
    const failure = expect(source.get()).rejects.toMatchObject({
      failure: "timeout",
      message: "fake: no credentials in time",
    });
    clock.advance(60_000);
    await failure;
    expect(signals).toMatchObject([{ aborted: true }]);
    expect(clock.sleepers).toBe(0);
  });

  test("is ended by its owner", async () => {
    const { source, close } = openRenewed(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    );
    const failure = expect(source.get()).rejects.toMatchObject({ name: "AbortError" });
    close();
    await failure;
  });
});

describe("renewShortlyBefore", () => {
  test.each([
    [60 * 60_000, 55 * 60_000],
    [20 * 60_000, 15 * 60_000],
    [4000, 3000],
  ])("renews what lives %i ms after %i", (life, after) => {
    expect(renewShortlyBefore(life)).toBe(after);
  });

  test("is always within the last quarter, and never within the last instant", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (life) => {
        const after = renewShortlyBefore(life);
        return after >= life * 0.75 && after < life;
      }),
    );
  });
});
