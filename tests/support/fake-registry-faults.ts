import { matches, type JournalEntry, type RequestMatch } from "./fake-registry-journal.ts";

/** What goes wrong with an answer. Several may be combined; they apply to requests past authentication. */
export interface Fault {
  /** How many requests it hits; all of them unless given. */
  times?: number;
  /** Keep the request unanswered until `release`. */
  hold?: boolean;
  /** Close the connection without an answer. */
  disconnect?: boolean;
  /** Answer with this status and `body` (or OCI error JSON) instead of the content; 401 brings a challenge. */
  status?: number;
  /** Set these headers; undefined leaves one out. */
  headers?: Record<string, string | undefined>;
  /** Send this instead of the content, with true length. */
  body?: string | Uint8Array;
  /** Send the whole content with 200, whatever `Range` says. */
  ignoreRange?: boolean;
  /** Without Content-Length. */
  chunked?: boolean;
  gzip?: boolean;
  /** Change the content's byte at this position (of the content, not of the range). */
  flipByteAt?: number;
  /** Send only so many bytes of body, and claim that this is all. */
  truncateTo?: number;
  /** Destroy the connection after so many bytes of body. */
  cutAfter?: number;
  /** Stop after so many bytes of body until `release`. */
  stallAfter?: number;
  bytesPerSecond?: number;
}

/** A fault in place. */
export class InjectedFault {
  readonly fault: Fault;
  readonly #match: RequestMatch;
  readonly #reached = Promise.withResolvers<void>();
  readonly #released = Promise.withResolvers<void>();
  #remaining: number;
  #hits = 0;

  constructor(match: RequestMatch, fault: Fault) {
    this.#match = match;
    this.fault = fault;
    this.#remaining = fault.times ?? Infinity;
  }

  /** Requests it was applied to. */
  get hits(): number {
    return this.#hits;
  }

  /** Resolves when it first took effect: for `hold` and `stallAfter`, when a request waits there. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  get released(): Promise<void> {
    return this.#released.promise;
  }

  /** Lets everything go on that it keeps waiting, and keeps no further request waiting. */
  release(): void {
    this.#released.resolve();
  }

  /** No further request is hit; those waiting go on. */
  remove(): void {
    this.#remaining = 0;
    this.release();
  }

  markReached(): void {
    this.#reached.resolve();
  }

  take(entry: JournalEntry): boolean {
    if (this.#remaining <= 0 || !matches(this.#match, entry)) return false;
    this.#remaining -= 1;
    this.#hits += 1;
    return true;
  }
}
