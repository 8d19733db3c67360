import type { Duplex } from "node:stream";
import { UpstreamError } from "../upstream.ts";
import { dialFailure } from "./dial-failure.ts";

interface Step<Result> {
  /** Stands ahead of what went wrong: `TCP`. */
  stage: string;
  action: (signal: AbortSignal) => Promise<Result>;
  /** What it works on, destroyed when it fails. */
  socket?: Duplex;
}

/** The time that the steps of one dial have together. */
export class Deadline implements Disposable {
  readonly #timeoutMs: number;
  readonly #caller: AbortSignal;
  readonly #over = new AbortController();
  readonly #end = Promise.withResolvers<never>();
  readonly #timer: NodeJS.Timeout;
  readonly #giveUp = () => {
    this.#over.abort();
    this.#end.reject(this.#over.signal.reason);
  };

  constructor(timeoutMs: number, caller: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#caller = caller;
    this.#end.promise.catch(() => {});
    caller.addEventListener("abort", this.#giveUp, { once: true });
    this.#timer = setTimeout(this.#giveUp, timeoutMs);
  }

  /** Throws UpstreamError, or the caller's reason to abort, at once, even if the action goes on. */
  async run<Result>({ stage, action, socket }: Step<Result>): Promise<Result> {
    try {
      return await Promise.race([this.#end.promise, action(this.#over.signal)]);
    } catch (error) {
      socket?.destroy();
      this.#caller.throwIfAborted();
      if (!this.#over.signal.aborted) throw dialFailure(stage, error);
      const message = `${stage}: no answer, and ${this.#timeoutMs} ms to connect are over`;
      throw new UpstreamError("timeout", message);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener("abort", this.#giveUp);
  }
}
