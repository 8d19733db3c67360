import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import { sameCredentials, type Credentials, type CredentialSource } from "../credentials.ts";
import { UpstreamError } from "../upstream.ts";

export interface GrantedCredentials {
  credentials: Credentials;
  lifeMs: number;
}

export interface RenewedCredentialsOptions {
  name: string;
  fetch: (signal: AbortSignal) => Promise<GrantedCredentials>;
  /** When in a life they are renewed. */
  renewAfterMs: (lifeMs: number) => number;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}

interface Kept {
  credentials: Credentials;
  renewAt: number;
  validUntil: number;
}

/** All the requests of one renewal together. */
const maxRenewalMs = 60_000;

/** After a failure nobody is asked for so long: a thousand clients are no reason to ask a thousand times. */
const pauseMs = 10_000;

const earlyMs = 5 * 60_000;

/** Five minutes before they run out, or after three quarters of a short life. */
export function renewShortlyBefore(lifeMs: number): number {
  return lifeMs - Math.min(earlyMs, lifeMs / 4);
}

/**
 * Credentials that run out. They are renewed early and beside the requests, once however many
 * wait; while that fails, the old ones do until their end.
 */
export class RenewedCredentials implements CredentialSource {
  readonly #options: RenewedCredentialsOptions;
  #kept: Kept | undefined;
  #renewal: Promise<Credentials> | undefined;
  #failed: { error: unknown; until: number } | undefined;

  constructor(options: RenewedCredentialsOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  async get(): Promise<Credentials> {
    const now = this.#options.clock.monotonic();
    const valid = this.#kept && now < this.#kept.validUntil ? this.#kept : undefined;
    if (valid && now < valid.renewAt) return valid.credentials;
    if (this.#failed && now < this.#failed.until) {
      if (!valid) throw this.#failed.error;
      return valid.credentials;
    }
    const renewal = this.#renewal ?? this.#renew();
    return valid ? valid.credentials : renewal;
  }

  refuse(credentials: Credentials): void {
    if (sameCredentials(this.#kept?.credentials, credentials)) this.#kept = undefined;
  }

  #renew(): Promise<Credentials> {
    const renewal = this.#fetchAndKeep().finally(() => {
      this.#renewal = undefined;
    });
    this.#renewal = renewal;
    // Nobody may be waiting for it.
    renewal.catch(() => {});
    return renewal;
  }

  async #fetchAndKeep(): Promise<Credentials> {
    const { clock, renewAfterMs } = this.#options;
    const askedAt = clock.monotonic();
    try {
      const { credentials, lifeMs } = await this.#fetchInTime();
      this.#kept = {
        credentials,
        renewAt: askedAt + renewAfterMs(lifeMs),
        validUntil: askedAt + lifeMs,
      };
      this.#failed = undefined;
      return credentials;
    } catch (error) {
      this.#noteFailure(error);
      throw error;
    }
  }

  async #fetchInTime(): Promise<GrantedCredentials> {
    const { clock, fetch, name, signal } = this.#options;
    const done = new AbortController();
    const late = new AbortController();
    clock.sleep(maxRenewalMs, done.signal).then(
      () => late.abort(new UpstreamError("timeout", `${name}: no credentials in time`)),
      () => {},
    );
    try {
      return await fetch(AbortSignal.any([signal, late.signal]));
    } finally {
      done.abort();
    }
  }

  #noteFailure(error: unknown): void {
    const { clock, log, name, signal } = this.#options;
    if (signal.aborted) return;
    const now = clock.monotonic();
    this.#failed = { error, until: now + pauseMs };
    // One that has nothing else to give tells whoever waits, who logs it.
    const validForMs = this.#kept ? this.#kept.validUntil - now : 0;
    if (validForMs <= 0) return;
    log.warn(
      { source: name, validForMs: Math.round(validForMs), err: error },
      "credentials could not be renewed; those at hand are used for as long as they are valid",
    );
  }
}
