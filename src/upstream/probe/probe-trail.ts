import type { Clock } from "../../clock.ts";
import { adviceFor } from "./probe-advice.ts";
import { UpstreamError } from "../upstream.ts";

/** In the order in which a pull needs them. */
const steps = ["dns", "tcp", "proxy", "tls", "api", "token", "manifest", "blob"] as const;

export type ProbeStepName = (typeof steps)[number];

/** What came of one step; the words hold no secret, and no query of a signed URL. */
export interface ProbeFinding {
  step: ProbeStepName;
  /** skipped: an earlier one failed, or there is nothing to try it with. */
  outcome: "ok" | "failed" | "skipped";
  tookMs?: number;
  /** What was found, or what is wrong and what may help. */
  message: string;
}

/** What an attempt gave, and what to say of it. */
export interface Attempt<Value> {
  /** ok unless given. */
  outcome?: "ok" | "skipped";
  message: string;
  value: Value;
}

export interface ProbeTrailOptions {
  clock: Clock;
  /** Of each step. */
  timeoutMs: number;
  signal: AbortSignal;
  onStep: (finding: ProbeFinding) => void;
}

/** The steps towards one endpoint: takes the time of each, and tells what came of it. */
export class ProbeTrail {
  readonly #options: ProbeTrailOptions;
  readonly #told = new Set<ProbeStepName>();
  #begunAt: number;

  constructor(options: ProbeTrailOptions) {
    this.#options = options;
    this.#begunAt = options.clock.monotonic();
  }

  /** Something that took the time since the step before it. */
  ok(step: ProbeStepName, message: string): void {
    this.#tell({ step, outcome: "ok", tookMs: this.#lapMs(), message });
  }

  fail(step: ProbeStepName, message: string): void {
    this.#tell({ step, outcome: "failed", tookMs: this.#lapMs(), message });
  }

  skip(step: ProbeStepName, message: string): void {
    this.#tell({ step, outcome: "skipped", message });
  }

  /** Those not told of yet. */
  skipRest(message: string): void {
    for (const step of steps) if (!this.#told.has(step)) this.skip(step, message);
  }

  /**
   * What the action gave; undefined: it failed. It has its time and no more, whether or not it
   * heeds the signal. Throws what is no UpstreamError, and the reason of whoever aborted the probe.
   */
  async run<Value>(
    step: ProbeStepName,
    action: (signal: AbortSignal) => Promise<Attempt<Value>>,
  ): Promise<Value | undefined> {
    this.#begunAt = this.#options.clock.monotonic();
    try {
      const { outcome = "ok", message, value } = await this.#withinTime(action);
      if (outcome === "ok") this.ok(step, message);
      else this.skip(step, message);
      return value;
    } catch (error) {
      this.fail(step, this.explain(error));
      return undefined;
    }
  }

  /** In words; throws what is no trouble of an upstream, and the reason of whoever aborted. */
  explain(error: unknown): string {
    this.#options.signal.throwIfAborted();
    if (!(error instanceof UpstreamError)) throw error;
    const advice = adviceFor(error);
    return advice === undefined ? error.message : `${error.message}; ${advice}`;
  }

  async #withinTime<Result>(action: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const { signal: caller, timeoutMs } = this.#options;
    const over = new AbortController();
    const signal = AbortSignal.any([caller, over.signal]);
    const message = `no end of it, and ${timeoutMs} ms are over`;
    const timer = setTimeout(() => over.abort(new UpstreamError("timeout", message)), timeoutMs);
    const aborted = Promise.withResolvers<never>();
    const giveUp = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      signal.throwIfAborted();
      return await Promise.race([action(signal), aborted.promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    }
  }

  #lapMs(): number {
    const now = this.#options.clock.monotonic();
    const tookMs = Math.round(now - this.#begunAt);
    this.#begunAt = now;
    return tookMs;
  }

  #tell(finding: ProbeFinding): void {
    this.#told.add(finding.step);
    this.#options.onStep(finding);
  }
}
