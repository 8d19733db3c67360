import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";

/** What a token is asked for with; two equal ones share a token. */
export interface TokenRequest {
  realm: string;
  service: string | undefined;
  scope: string;
}

export interface GrantedToken {
  token: string;
  lifeMs: number;
}

/** Tokens are renewed this long before they run out, or after three quarters of a short life. */
const renewalMs = 10_000;

/** A bound on memory; clients choose the repository names that scopes are made of. */
const maxTokens = 1000;

/** Tokens by what they were asked for: each is fetched once, however many wait for it. */
export class Tokens {
  readonly #fetch: (request: TokenRequest) => Promise<GrantedToken>;
  readonly #clock: Clock;
  readonly #cached = new LRUCache<string, { token: string; usableUntil: number }>({
    max: maxTokens,
  });
  readonly #pending = new Map<string, Promise<string>>();

  constructor(fetch: (request: TokenRequest) => Promise<GrantedToken>, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  async get(request: TokenRequest): Promise<string> {
    const key = keyOf(request);
    const cached = this.#cached.get(key);
    if (cached && this.#clock.monotonic() < cached.usableUntil) return cached.token;
    const pending = this.#pending.get(key) ?? this.#renew(key, request);
    return pending;
  }

  /** The registry refused `token`; a newer one that came meanwhile stays. */
  drop(request: TokenRequest, token: string): void {
    const key = keyOf(request);
    if (this.#cached.get(key)?.token === token) this.#cached.delete(key);
  }

  #renew(key: string, request: TokenRequest): Promise<string> {
    const renewal = this.#fetchAndKeep(key, request).finally(() => this.#pending.delete(key));
    this.#pending.set(key, renewal);
    return renewal;
  }

  async #fetchAndKeep(key: string, request: TokenRequest): Promise<string> {
    const askedAt = this.#clock.monotonic();
    const { token, lifeMs } = await this.#fetch(request);
    const usableUntil = askedAt + lifeMs - Math.min(renewalMs, lifeMs / 4);
    this.#cached.set(key, { token, usableUntil });
    return token;
  }
}

function keyOf({ realm, service, scope }: TokenRequest): string {
  return JSON.stringify([realm, service, scope]);
}
