import type { Clock } from "../clock.ts";
import type { EndpointStatus } from "./upstream.ts";

const distrustMs = 60_000;
const slowMs = 60_000;
const brokenBodyMs = 30_000;
const firstBanMs = 10 * 60_000;
const longestBanMs = 24 * 3_600_000;

/**
 * Whether an endpoint is asked after all the others for a while, or not at all. The latter only if
 * others are trusted more: one of full trust may be the only one there is.
 */
export class EndpointStanding {
  readonly #trust: EndpointStatus["trust"];
  readonly #clock: Clock;
  readonly #until = { distrusted: 0, slow: 0, broken: 0 };
  #ban: { until: number; lengthMs: number } | undefined;

  constructor(trust: EndpointStatus["trust"], clock: Clock) {
    this.#trust = trust;
    this.#clock = clock;
  }

  /** Not to be asked. */
  get isBanned(): boolean {
    return this.#ban !== undefined && this.#clock.monotonic() < this.#ban.until;
  }

  /** To be asked after all the others. */
  get goesLast(): boolean {
    return Object.values(this.#until).some((until) => this.#clock.monotonic() < until);
  }

  get complaint(): "distrusted" | "slow" | undefined {
    if (this.isBanned || this.#clock.monotonic() < this.#until.distrusted) return "distrusted";
    return this.#clock.monotonic() < this.#until.slow ? "slow" : undefined;
  }

  /** It sent something else than what the digest says. How long it is not asked now, if so. */
  noteLie(): { bannedMs: number } | undefined {
    this.noteNonsense();
    // Wrong bytes that were already on their way are part of the same lie.
    if (this.#trust === "full" || this.isBanned) return undefined;
    const lengthMs = this.#nextBanMs();
    this.#ban = { until: this.#clock.monotonic() + lengthMs, lengthMs };
    return { bannedMs: lengthMs };
  }

  /** It sent what no registry should. */
  noteNonsense(): void {
    this.#until.distrusted = this.#clock.monotonic() + distrustMs;
  }

  noteBrokenBody(): void {
    this.#until.broken = this.#clock.monotonic() + brokenBodyMs;
  }

  /** Another one took a body over from it. */
  noteSlow(): void {
    this.#until.slow = this.#clock.monotonic() + slowMs;
  }

  /** Twice the last one, unless that is long over. */
  #nextBanMs(): number {
    const now = this.#clock.monotonic();
    if (!this.#ban || now - this.#ban.until > longestBanMs) return firstBanMs;
    return Math.min(this.#ban.lengthMs * 2, longestBanMs);
  }
}
