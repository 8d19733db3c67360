import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { UpstreamError, UpstreamFailure } from "./upstream.ts";

interface Incident {
  since: number;
  lastAt: number;
  requests: number;
}

/** A success so soon after a failure is no recovery yet: endpoints fail by turns, too. */
const quietMs = 5_000;

/** That one repository is refused says nothing of the endpoint. */
const silentFailures = new Set<UpstreamFailure>(["denied"]);

/** Logs one endpoint's troubles once each, when they begin and when they are over. */
export class Incidents {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #open = new Map<UpstreamFailure, Incident>();

  /** `log` names the upstream and the endpoint. */
  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  noteFailure(error: UpstreamError): void {
    if (silentFailures.has(error.failure)) return;
    const now = this.#clock.monotonic();
    const known = this.#open.get(error.failure);
    if (known) {
      known.lastAt = now;
      known.requests += 1;
      return;
    }
    this.#open.set(error.failure, { since: now, lastAt: now, requests: 1 });
    this.#log.warn({ failure: error.failure, err: error }, "upstream trouble");
  }

  /** A request that was not even sent, for what went before. */
  noteRefusal(): void {
    for (const incident of this.#open.values()) incident.requests += 1;
  }

  noteSuccess(): void {
    const now = this.#clock.monotonic();
    for (const [failure, { since, lastAt, requests }] of this.#open) {
      if (now - lastAt < quietMs) continue;
      this.#open.delete(failure);
      const record = { failure, lastedMs: now - since, failedRequests: requests };
      this.#log.info(record, "upstream recovered");
    }
  }
}
