import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../clock.ts";
import type { CredentialSource } from "./credentials.ts";
import { parseBudget } from "./rate-limit.ts";
import type { AccountStatus, Budget } from "./upstream.ts";

/** As whom a registry is asked, and how much that one may still ask. */
export interface Account {
  /** For people, no secret. */
  readonly name: string;
  /** undefined: as nobody. */
  readonly source: CredentialSource | undefined;
  /** As last told; undefined once the window it was told for is over. */
  readonly budget: Budget | undefined;
  /** Others are to be asked as, if there are any. */
  readonly isResting: boolean;
  /** Of any answer of the registry itself. */
  noteHeaders(headers: IncomingHttpHeaders): void;
  /** It answered 429. */
  noteRateLimited(retryAfterMs: number | undefined): void;
  /** There are no credentials to be had, or they are refused, and newer ones too. */
  noteCredentialsFailed(): void;
}

/** After a 429 that does not say how long: limits on bursts count by the minute. */
const defaultRestMs = 60_000;

const shortestRestMs = 1000;

/** Who asks for more may have got its own clock wrong; one request then tells. */
const longestRestMs = 60 * 60 * 1000;

/** Somebody may mend them; and with a password that is wrong, one request a minute fails. */
const credentialsRestMs = 60_000;

export interface AccountsOptions {
  /** In the operator's order; none: one account that asks as nobody. */
  sources: readonly CredentialSource[];
  clock: Clock;
}

/** The accounts that we have at one registry. */
export class Accounts {
  readonly all: readonly Account[];
  readonly #accounts: readonly [RegistryAccount, ...RegistryAccount[]];

  constructor({ sources, clock }: AccountsOptions) {
    const [first, ...others] = sources;
    this.#accounts = [
      new RegistryAccount(first, clock),
      ...others.map((source) => new RegistryAccount(source, clock)),
    ];
    this.all = this.#accounts;
  }

  /**
   * Of those not resting the one with most of its limit left, where one that no limit is known of
   * counts as unused, and the first of equals; else the one that rests shortest.
   */
  choose(): Account {
    const [first, ...others] = this.#accounts;
    return best(first, others);
  }

  /** Likewise, but of those not resting that are wanted; undefined: there is none. */
  chooseReady(isWanted: (account: Account) => boolean): Account | undefined {
    const ready = this.#accounts.filter((account) => !account.isResting && isWanted(account));
    const [first, ...others] = ready;
    return first && best(first, others);
  }

  /** Of the one that `choose` would give. */
  get budget(): Budget | undefined {
    return this.choose().budget;
  }

  describe(): AccountStatus[] {
    return this.#accounts.map((account) => account.describe());
  }
}

/** For where no credentials may go. */
export function anonymousAccount(clock: Clock): Account {
  return new RegistryAccount(undefined, clock);
}

function best(first: RegistryAccount, others: readonly RegistryAccount[]): RegistryAccount {
  return others.reduce((chosen, other) => (other.isBetterThan(chosen) ? other : chosen), first);
}

class RegistryAccount implements Account {
  readonly name: string;
  readonly source: CredentialSource | undefined;
  readonly #clock: Clock;
  #told: { budget: Budget; until: number } | undefined;
  #restsUntil = -Infinity;

  constructor(source: CredentialSource | undefined, clock: Clock) {
    this.name = source?.name ?? "anonymous";
    this.source = source;
    this.#clock = clock;
  }

  get budget(): Budget | undefined {
    const isOver = !this.#told || this.#clock.monotonic() >= this.#told.until;
    return isOver ? undefined : this.#told?.budget;
  }

  get isResting(): boolean {
    return this.#restLeftMs > 0;
  }

  noteHeaders(headers: IncomingHttpHeaders): void {
    const budget = parseBudget(headers, this.#clock.now());
    if (!budget) return;
    this.#told = { budget, until: this.#clock.monotonic() + budget.windowMs };
  }

  noteRateLimited(retryAfterMs = defaultRestMs): void {
    this.#rest(Math.min(Math.max(retryAfterMs, shortestRestMs), longestRestMs));
  }

  noteCredentialsFailed(): void {
    this.#rest(credentialsRestMs);
  }

  isBetterThan(other: RegistryAccount): boolean {
    if (this.isResting || other.isResting) return this.#restLeftMs < other.#restLeftMs;
    return this.#shareLeft > other.#shareLeft;
  }

  describe(): AccountStatus {
    const restsUntil = this.isResting ? this.#clock.now() + this.#restLeftMs : undefined;
    return { name: this.name, budget: this.budget, restsUntil };
  }

  get #restLeftMs(): number {
    return Math.max(0, this.#restsUntil - this.#clock.monotonic());
  }

  get #shareLeft(): number {
    const { budget } = this;
    return budget ? budget.remaining / budget.limit : 1;
  }

  #rest(restMs: number): void {
    this.#restsUntil = Math.max(this.#restsUntil, this.#clock.monotonic() + restMs);
  }
}
