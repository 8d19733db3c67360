import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import type { Account, Accounts } from "./accounts.ts";

/** So long a denial is believed; rights may be given any time. */
const denialMs = 5 * 60_000;

/** A bound on memory; clients choose the names. Not `max`, for which the room is taken at once. */
const bounds = { maxSize: 1000, sizeCalculation: () => 1 };

interface Denials {
  accounts: Set<Account>;
  /** By the monotonic clock. */
  until: number;
}

/**
 * As whom to ask about a repository: accounts need not have the same rights. Where one is denied
 * the others are asked, and while that is remembered, who was denied is not asked again before them.
 */
export class AccountChoice {
  readonly #accounts: Accounts;
  readonly #clock: Clock;
  readonly #denials = new LRUCache<RepositoryName, Denials>(bounds);

  constructor(options: { accounts: Accounts; clock: Clock }) {
    this.#accounts = options.accounts;
    this.#clock = options.clock;
  }

  choose(repository: RepositoryName): Account {
    return this.chooseOther(repository, new Set()) ?? this.#accounts.choose();
  }

  /** Neither in `tried` nor resting nor denied lately; undefined: there is none. */
  chooseOther(repository: RepositoryName, tried: ReadonlySet<Account>): Account | undefined {
    const denied = this.#findDenied(repository);
    return this.#accounts.chooseReady((account) => !tried.has(account) && !denied?.has(account));
  }

  noteDenied(repository: RepositoryName, account: Account): void {
    if (this.#accounts.all.length === 1) return;
    const accounts = new Set(this.#findDenied(repository)).add(account);
    const known = this.#denials.get(repository)?.until ?? 0;
    const now = this.#clock.monotonic();
    this.#denials.set(repository, { accounts, until: known > now ? known : now + denialMs });
  }

  #findDenied(repository: RepositoryName): ReadonlySet<Account> | undefined {
    const denials = this.#denials.get(repository);
    return denials && this.#clock.monotonic() < denials.until ? denials.accounts : undefined;
  }
}
