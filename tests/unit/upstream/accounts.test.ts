import { describe, expect, test } from "@jest/globals";
import { Accounts, type Account } from "../../../src/upstream/accounts.ts";
import { PasswordSource } from "../../../src/upstream/credential-sources/password-source.ts";
import { ManualClock } from "./manual-clock.ts";
import { captureLog } from "./open-upstream.ts";

const hourMs = 3_600_000;

/** One account for each name. */
function openAccounts(...names: string[]) {
  const clock = new ManualClock();
  const { log } = captureLog();
  const sources = names.map(
    (username) => new PasswordSource({ username, password: { text: "pass" }, clock, log }),
  );
  const accounts = new Accounts({ sources, clock });
  const find = (name: string): Account => {
    const account = accounts.all.find((candidate) => candidate.name === name);
    if (!account) throw new Error(`no account ${name}`);
    return account;
  };
  return { accounts, clock, find };
}

function tell(account: Account, limit: number, remaining: number): void {
  account.noteHeaders({
    "ratelimit-limit": `${limit};w=21600`,
    "ratelimit-remaining": `${remaining};w=21600`,
  });
}

describe("Accounts", () => {
  test("without credentials are one that asks as nobody", () => {
    const { accounts } = openAccounts();
    expect(accounts.choose()).toMatchObject({ name: "anonymous", source: undefined });
    expect(accounts.describe()).toEqual([
      { name: "anonymous", budget: undefined, restsUntil: undefined },
    ]);
  });

  test("are chosen in the operator's order while nothing is known of them", () => {
    const { accounts } = openAccounts("ann", "bob");
    expect(accounts.choose().name).toBe("ann");
  });

  test("are chosen by what share of their limit is left", () => {
    const { accounts, find } = openAccounts("ann", "bob", "cid");
    tell(find("ann"), 1000, 500);
    tell(find("bob"), 100, 70);
    tell(find("cid"), 200, 120);
    expect(accounts.choose().name).toBe("bob");
    tell(find("bob"), 100, 40);
    expect(accounts.choose().name).toBe("cid");
  });

  test("that no limit is known of come before those that have used some of theirs", () => {
    const { accounts, find } = openAccounts("ann", "bob");
    tell(find("ann"), 100, 99);
    expect(accounts.choose().name).toBe("bob");
  });

  test("take turns as their limits are used up", () => {
    const { accounts, find } = openAccounts("ann", "bob");
    const left = new Map([
      ["ann", 3],
      ["bob", 3],
    ]);
    const order: string[] = [];
    for (let count = 0; count < 6; count += 1) {
      const { name } = accounts.choose();
      order.push(name);
      left.set(name, (left.get(name) ?? 0) - 1);
      tell(find(name), 3, left.get(name) ?? 0);
    }
    expect(order).toEqual(["ann", "bob", "ann", "bob", "ann", "bob"]);
  });

  test("forget a budget when its window is over", () => {
    const { accounts, clock, find } = openAccounts("ann", "bob");
    tell(find("ann"), 100, 1);
    expect(find("ann").budget).toMatchObject({ remaining: 1, windowMs: 6 * hourMs });
    clock.advance(6 * hourMs);
    expect(find("ann").budget).toBeUndefined();
    expect(accounts.choose().name).toBe("ann");
  });

  test("keep a budget when an answer tells none", () => {
    const { accounts, find } = openAccounts("ann");
    tell(find("ann"), 100, 40);
    find("ann").noteHeaders({});
    expect(accounts.budget).toMatchObject({ limit: 100, remaining: 40 });
  });

  test("tell the budget of the one that is chosen", () => {
    const { accounts, find } = openAccounts("ann", "bob");
    tell(find("ann"), 100, 10);
    tell(find("bob"), 100, 20);
    expect(accounts.budget).toMatchObject({ remaining: 20 });
  });

  test("that were asked to wait rest for so long, and show until when", () => {
    const { accounts, clock, find } = openAccounts("ann", "bob");
    tell(find("bob"), 100, 1);
    find("ann").noteRateLimited(5000);
    expect(accounts.choose().name).toBe("bob");
    expect(accounts.describe().map(({ restsUntil }) => restsUntil)).toEqual([
      clock.now() + 5000,
      undefined,
    ]);
    clock.advance(5000);
    expect(accounts.choose().name).toBe("ann");
    expect(find("ann").isResting).toBe(false);
  });

  test.each([
    ["nothing", undefined, 60_000],
    ["no time at all", 0, 1000],
    ["a year", 365 * 24 * hourMs, hourMs],
  ])("that were asked to wait for %s rest for a sensible while", (_, retryAfterMs, restMs) => {
    const { clock, find } = openAccounts("ann");
    find("ann").noteRateLimited(retryAfterMs);
    clock.advance(restMs - 1);
    expect(find("ann").isResting).toBe(true);
    clock.advance(1);
    expect(find("ann").isResting).toBe(false);
  });

  test("do not wake earlier for being asked to wait again", () => {
    const { clock, find } = openAccounts("ann");
    find("ann").noteRateLimited(50_000);
    find("ann").noteRateLimited(1000);
    clock.advance(49_999);
    expect(find("ann").isResting).toBe(true);
  });

  test("that all rest give the one that rests shortest", () => {
    const { accounts, find } = openAccounts("ann", "bob", "cid");
    find("ann").noteRateLimited(9000);
    find("bob").noteRateLimited(4000);
    find("cid").noteRateLimited(7000);
    expect(accounts.choose().name).toBe("bob");
  });

  test("without good credentials are passed over for a minute", () => {
    const { accounts, clock, find } = openAccounts("ann", "bob");
    tell(find("bob"), 100, 1);
    find("ann").noteCredentialsFailed();
    expect(accounts.choose().name).toBe("bob");
    expect(accounts.describe()[0]?.restsUntil).toBe(clock.now() + 60_000);
    clock.advance(60_000);
    expect(accounts.choose().name).toBe("ann");
  });

  test("rest by time that passes, whatever the clock on the wall is set to", () => {
    class WallClock extends ManualClock {
      setBackMs = 0;

      override now(): number {
        return super.now() - this.setBackMs;
      }
    }
    const clock = new WallClock();
    const accounts = new Accounts({ sources: [], clock });
    accounts.choose().noteRateLimited(5000);
    clock.setBackMs = hourMs;
    expect(accounts.describe()[0]?.restsUntil).toBe(clock.now() + 5000);
    clock.advance(5000);
    expect(accounts.choose().isResting).toBe(false);
  });
});
