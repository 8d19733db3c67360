import { describe, expect, test } from "@jest/globals";
import { Tokens, type GrantedToken, type TokenRequest } from "../../../src/upstream/tokens.ts";
import { ManualClock } from "./manual-clock.ts";

const request: TokenRequest = {
  realm: "https://auth.test/token",
  service: "registry.test",
  scope: "repository:a:pull",
};

/** Tokens t1, t2, … of the given life. */
function countingTokens(lifeMs: number): { tokens: Tokens; clock: ManualClock } {
  let count = 0;
  const clock = new ManualClock();
  const fetch = async () => ({ token: `t${(count += 1)}`, lifeMs });
  return { tokens: new Tokens(fetch, clock), clock };
}

describe("Tokens", () => {
  test("fetches one for all who wait for it, and keeps it", async () => {
    const { tokens } = countingTokens(300_000);
    const all = await Promise.all([tokens.get(request), tokens.get({ ...request })]);
    expect([...all, await tokens.get(request)]).toEqual(["t1", "t1", "t1"]);
  });

  test("fetches one for every scope, service and realm", async () => {
    const { tokens } = countingTokens(300_000);
    const others = [
      request,
      { ...request, scope: "repository:b:pull" },
      { ...request, service: undefined },
      { ...request, realm: "https://other.test/token" },
    ];
    const got: string[] = [];
    for (const other of others) got.push(await tokens.get(other));
    expect(got).toEqual(["t1", "t2", "t3", "t4"]);
  });

  test.each([
    [300_000, 290_000],
    [60_000, 50_000],
    [4000, 3000],
  ])("renews one that lives %i ms after %i", async (lifeMs, usableMs) => {
    const { tokens, clock } = countingTokens(lifeMs);
    await tokens.get(request);
    clock.advance(usableMs - 1);
    expect(await tokens.get(request)).toBe("t1");
    clock.advance(1);
    expect(await tokens.get(request)).toBe("t2");
  });

  test("fetches another in the place of one that was refused", async () => {
    const { tokens } = countingTokens(300_000);
    tokens.drop(request, await tokens.get(request));
    expect(await tokens.get(request)).toBe("t2");
  });

  test("keeps a newer one when an older one is refused", async () => {
    const { tokens } = countingTokens(300_000);
    const old = await tokens.get(request);
    tokens.drop(request, old);
    await tokens.get(request);
    tokens.drop(request, old);
    expect(await tokens.get(request)).toBe("t2");
  });

  test("tells all who wait of a failure, and tries again for the next", async () => {
    const answers = [Promise.withResolvers<GrantedToken>(), Promise.withResolvers<GrantedToken>()];
    let count = 0;
    const fetch = (): Promise<GrantedToken> => {
      const answer = answers[count++];
      return answer ? answer.promise : Promise.reject(new Error("asked too often"));
    };
    const tokens = new Tokens(fetch, new ManualClock());
    const waiting = [tokens.get(request), tokens.get(request)].map((promise) =>
      expect(promise).rejects.toThrow("away"),
    );
    answers[0]?.reject(new Error("away"));
    await Promise.all(waiting);
    answers[1]?.resolve({ token: "t", lifeMs: 60_000 });
    expect(await tokens.get(request)).toBe("t");
  });
});
