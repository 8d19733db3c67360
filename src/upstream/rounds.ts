import type { Clock } from "../clock.ts";
import { backoffMs } from "./backoff.ts";
import type { ConnectionSlots, SlotKind } from "./connection-slots.ts";
import { fastestFirst, inOperatorsOrder } from "./endpoint-order.ts";
import type { Endpoint } from "./endpoint.ts";
import { UpstreamError, type UpstreamFailure } from "./upstream.ts";

export interface RoundsOptions {
  /** In the operator's order. */
  endpoints: readonly Endpoint[];
  strategy: "ordered" | "fastest";
  slots: ConnectionSlots;
  /** Rounds after the first. */
  retries: number;
  maxRetryWaitMs: number;
  clock: Clock;
  random: () => number;
}

export interface Task<Result> {
  kind: SlotKind;
  /** any: for what a digest proves. */
  trust: "full" | "any";
  /** Some of it came before: that one endpoint does not have it is no answer. */
  isKnown?: boolean;
  signal: AbortSignal;
  /**
   * undefined: the endpoint does not have it. Holds `slot` until it resolves; one that moves the
   * slot's content away holds it for longer.
   */
  attempt: (endpoint: Endpoint, slot: DisposableStack) => Promise<Result | undefined>;
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

/** Of asking several endpoints by turns. */
type Outcome<Result> =
  | { kind: "answered"; result: Result | undefined }
  | { kind: "unanswered"; failed: Failed[]; isLacking: boolean };

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
      forbidden: 0,
    };
  }

  /** The first answer (undefined: it is not there), or throws the most promising of the last failures. */
  async run<Result>(task: Task<Result>): Promise<Result | undefined> {
    let endpoints = this.#inOrder(task);
    const failed = new Map<Endpoint, Failed>();
    let isLacking = false;
    for (let round = 0; ; round += 1) {
      const outcome = await this.#tryEach(endpoints, task);
      if (outcome.kind === "answered") return outcome.result;
      isLacking ||= outcome.isLacking;
      for (const failure of outcome.failed) failed.set(failure.endpoint, failure);
      const again = outcome.failed.filter(({ error }) => this.#furtherTries[error.failure] > round);
      const waitMs = this.#waitBefore(again, round);
      if (waitMs === undefined) return conclude([...failed.values()], isLacking, endpoints);
      await this.#options.clock.sleep(waitMs, task.signal);
      endpoints = again
        .filter(({ error }) => (error.retryAfterMs ?? 0) <= waitMs)
        .map(({ endpoint }) => endpoint);
    }
  }

  /**
   * One try each, without any wait but for a slot, of those endpoints that are not in `tried` and
   * of which nothing speaks against. undefined: none of them has it.
   */
  async tryOthers<Result>(
    task: Task<Result>,
    tried: ReadonlySet<Endpoint>,
  ): Promise<Result | undefined> {
    const others = this.#inOrder(task).filter(
      (endpoint) => !tried.has(endpoint) && endpoint.isReady && !endpoint.goesLast,
    );
    const outcome = await this.#tryEach(others, task);
    return outcome.kind === "answered" ? outcome.result : undefined;
  }

  async #tryEach<Result>(
    endpoints: readonly Endpoint[],
    task: Task<Result>,
  ): Promise<Outcome<Result>> {
    const failed: Failed[] = [];
    let isLacking = false;
    for (const endpoint of endpoints) {
      const isFinal = endpoint.trust === "full" && !task.isKnown;
      const outcome = await this.#tryOne(endpoint, task);
      if (outcome === undefined) endpoint.incidents.noteRefusal();
      else if ("error" in outcome) failed.push({ endpoint, error: outcome.error });
      else if (outcome.result !== undefined || isFinal) return { kind: "answered", ...outcome };
      else isLacking ||= endpoint.trust === "full";
    }
    return { kind: "unanswered", failed: failed.filter(isTelling), isLacking };
  }

  /** undefined: the endpoint is not to be asked now. */
  async #tryOne<Result>(
    endpoint: Endpoint,
    { kind, signal, attempt }: Task<Result>,
  ): Promise<{ result: Result | undefined } | { error: UpstreamError } | undefined> {
    if (!endpoint.isReady) return undefined;
    using slot = new DisposableStack();
    slot.use(await this.#options.slots.acquire(kind, signal));
    // Again: much may have happened while waiting for a slot.
    using permit = endpoint.permit();
    if (!permit) return undefined;
    slot.use(endpoint.health.begin());
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

  #inOrder({ trust, kind }: Task<unknown>): Endpoint[] {
    const { endpoints, strategy } = this.#options;
    const fit = endpoints.filter((endpoint) => trust === "any" || endpoint.trust === "full");
    return strategy === "ordered" ? inOperatorsOrder(fit) : fastestFirst(fit, kind);
  }

  /** undefined: there is nothing to wait for, or it would take too long. */
  #waitBefore(again: readonly Failed[], round: number): number | undefined {
    if (again.length === 0) return undefined;
    const { maxRetryWaitMs, random } = this.#options;
    const askedMs = Math.min(...again.map(({ error }) => error.retryAfterMs ?? 0));
    return askedMs > maxRetryWaitMs ? undefined : Math.max(askedMs, backoffMs(round, random));
  }
}

/** That a content endpoint refuses means as little as that it has nothing. */
function isTelling({ endpoint, error }: Failed): boolean {
  return endpoint.trust === "full" || passingFailures.has(error.failure);
}

/** undefined: all that answered do not have it. */
function conclude(
  failed: readonly Failed[],
  isLacking: boolean,
  endpoints: readonly Endpoint[],
): undefined {
  const ofTrusted = failed.filter(({ endpoint }) => endpoint.trust === "full");
  const error = mostPromising(ofTrusted) ?? mostPromising(failed);
  if (error) throw error;
  if (!isLacking) throw resting(endpoints);
}

/** One that may pass, rather than a refusal. */
function mostPromising(failed: readonly Failed[]): UpstreamError | undefined {
  const passing = failed.findLast(({ error }) => passingFailures.has(error.failure));
  return (passing ?? failed.at(-1))?.error;
}

function resting(endpoints: readonly Endpoint[]): UpstreamError {
  const trusted = endpoints.filter(({ trust }) => trust === "full");
  const names = trusted.map((endpoint) => endpoint.name).join(", ");
  return new UpstreamError("unreachable", `not asked, as it did not answer lately: ${names}`);
}
