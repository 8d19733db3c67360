import type { Clock } from "../clock.ts";
import { backoffMs } from "./backoff.ts";
import type { ConnectionSlots, SlotKind } from "./connection-slots.ts";
import type { Endpoint } from "./endpoint.ts";
import { UpstreamError, type UpstreamFailure } from "./upstream.ts";

export interface RoundsOptions {
  /** In the operator's order. */
  endpoints: readonly Endpoint[];
  slots: ConnectionSlots;
  /** Rounds after the first. */
  retries: number;
  maxRetryWaitMs: number;
  clock: Clock;
  random: () => number;
}

export interface Task<Result> {
  kind: SlotKind;
  signal: AbortSignal;
  /** Holds `slot` until it resolves; one that moves the slot's content away holds it for longer. */
  attempt: (endpoint: Endpoint, slot: DisposableStack) => Promise<Result>;
}

const passingFailures = new Set<UpstreamFailure>([
  "unreachable",
  "timeout",
  "rate-limited",
  "server-error",
]);

interface Failed {
  endpoint: Endpoint;
  error: UpstreamError;
}

/** Tries every endpoint, then waits, then those again that may do better. */
export class Rounds {
  readonly #options: RoundsOptions;
  /** How often a failure is worth another try at the same endpoint. */
  readonly #furtherTries: Record<UpstreamFailure, number>;

  constructor(options: RoundsOptions) {
    this.#options = options;
    const { retries } = options;
    this.#furtherTries = {
      unreachable: retries,
      timeout: retries,
      "rate-limited": retries,
      "server-error": retries,
      invalid: Math.min(1, retries),
      denied: 0,
      credentials: 0,
    };
  }

  /** The first success, or throws the most promising of the last failures. */
  async run<Result>(task: Task<Result>): Promise<Result> {
    let endpoints = this.#inOrder();
    let best: UpstreamError | undefined;
    for (let round = 0; ; round += 1) {
      const outcome = await this.#tryEach(endpoints, task);
      if ("result" in outcome) return outcome.result;
      const again = outcome.failed.filter(({ error }) => this.#furtherTries[error.failure] > round);
      best = mostPromising(outcome.failed) ?? best;
      const waitMs = this.#waitBefore(again, round);
      if (waitMs === undefined) throw best ?? resting(endpoints);
      await this.#options.clock.sleep(waitMs, task.signal);
      endpoints = again
        .filter(({ error }) => (error.retryAfterMs ?? 0) <= waitMs)
        .map(({ endpoint }) => endpoint);
    }
  }

  async #tryEach<Result>(
    endpoints: readonly Endpoint[],
    task: Task<Result>,
  ): Promise<{ result: Result } | { failed: Failed[] }> {
    const failed: Failed[] = [];
    for (const endpoint of endpoints) {
      const outcome = await this.#tryOne(endpoint, task);
      if (outcome === undefined) endpoint.incidents.noteRefusal();
      else if ("result" in outcome) return outcome;
      else failed.push({ endpoint, error: outcome.error });
    }
    return { failed };
  }

  /** undefined: the endpoint is not to be asked now. */
  async #tryOne<Result>(
    endpoint: Endpoint,
    { kind, signal, attempt }: Task<Result>,
  ): Promise<{ result: Result } | { error: UpstreamError } | undefined> {
    if (!endpoint.breaker.isReady) return undefined;
    using slot = new DisposableStack();
    slot.use(await this.#options.slots.acquire(kind, signal));
    // Again: much may have happened while waiting for a slot.
    using permit = endpoint.breaker.permit();
    if (!permit) return undefined;
    try {
      const result = await attempt(endpoint, slot);
      endpoint.incidents.noteSuccess();
      return { result };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UpstreamError)) throw error;
      endpoint.noteFailure(error);
      return { error };
    }
  }

  #inOrder(): Endpoint[] {
    const { endpoints } = this.#options;
    return endpoints.toSorted((a, b) => Number(a.goesLast) - Number(b.goesLast));
  }

  /** undefined: there is nothing to wait for, or it would take too long. */
  #waitBefore(again: readonly Failed[], round: number): number | undefined {
    if (again.length === 0) return undefined;
    const { maxRetryWaitMs, random } = this.#options;
    const askedMs = Math.min(...again.map(({ error }) => error.retryAfterMs ?? 0));
    return askedMs > maxRetryWaitMs ? undefined : Math.max(askedMs, backoffMs(round, random));
  }
}

/** One that may pass, rather than a refusal. */
function mostPromising(failed: readonly Failed[]): UpstreamError | undefined {
  const passing = failed.findLast(({ error }) => passingFailures.has(error.failure));
  return (passing ?? failed.at(-1))?.error;
}

function resting(endpoints: readonly Endpoint[]): UpstreamError {
  const names = endpoints.map((endpoint) => endpoint.name).join(", ");
  return new UpstreamError("unreachable", `not asked, as it did not answer lately: ${names}`);
}
