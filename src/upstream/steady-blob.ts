import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { EndpointBlob } from "./remote-blob.ts";
import { UpstreamError, type RemoteBlob, type TakeChunk } from "./upstream.ts";

export interface SteadyBlobOptions {
  first: EndpointBlob;
  /** The same blob from `start` on, from an endpoint not asked before; undefined: from none. */
  openOther: (start: number, signal: AbortSignal) => Promise<EndpointBlob | undefined>;
  /** Slower for so long, in which the reader waits for bytes, is too slow. */
  minBytesPerSecond: number;
  minRateForMs: number;
  /** Names the upstream and the blob. */
  log: Logger;
  clock: Clock;
}

const checkEveryMs = 1000;

/** A blob that goes on from another endpoint where one sends it too slowly. */
export class SteadyBlob implements RemoteBlob {
  readonly offset: number;
  readonly end: number | undefined;
  readonly size: number | undefined;
  readonly isVouched: boolean;
  readonly #options: SteadyBlobOptions;
  readonly #endpoints: string[];
  readonly #over = new AbortController();
  #current: EndpointBlob;
  /** To go on with. */
  #successor: EndpointBlob | undefined;
  /** Of the next byte for the reader. */
  #position: number;

  constructor(options: SteadyBlobOptions) {
    const { first } = options;
    this.#options = options;
    this.offset = first.offset;
    this.end = first.end;
    this.size = first.size;
    this.isVouched = first.isVouched;
    this.#endpoints = [...first.endpoints];
    this.#current = first;
    this.#position = first.offset;
  }

  get endpoints(): readonly string[] {
    return this.#endpoints;
  }

  close(): void {
    this.#over.abort(new UpstreamError("unreachable", "closed while it was read"));
    this.#successor?.close();
    this.#current.close();
  }

  async readTo(take: TakeChunk): Promise<void> {
    void this.#watch();
    try {
      while (!(await this.#readCurrent(take))) {
        this.#current = this.#successor ?? this.#current;
        this.#successor = undefined;
      }
    } finally {
      this.close();
    }
  }

  /** false: the rest comes from the successor. */
  async #readCurrent(take: TakeChunk): Promise<boolean> {
    const current = this.#current;
    let sentBefore = this.#position - current.offset;
    const takeFresh: TakeChunk = (chunk) => {
      const fresh = sentBefore > 0 ? chunk.subarray(Math.min(sentBefore, chunk.length)) : chunk;
      sentBefore -= chunk.length - fresh.length;
      this.#position += fresh.length;
      return fresh.length > 0 ? take(fresh) : undefined;
    };
    try {
      await current.readTo(takeFresh);
      return true;
    } catch (error) {
      if (this.#successor && error instanceof UpstreamError) return false;
      throw error;
    } finally {
      current.close();
    }
  }

  /** Until the blob is over. A takeover that fails changes nothing. */
  async #watch(): Promise<void> {
    const { clock, minRateForMs, log } = this.#options;
    const { signal } = this.#over;
    let mark = markOf(this.#current);
    try {
      for (;;) {
        await clock.sleep(Math.min(checkEveryMs, minRateForMs), signal);
        const blob = this.#successor ?? this.#current;
        if (mark.blob !== blob) mark = markOf(blob);
        const waitedMs = blob.pace.waitedMs - mark.waitedMs;
        if (waitedMs < minRateForMs) continue;
        const bytesPerSecond = ((blob.pace.bytes - mark.bytes) / waitedMs) * 1000;
        mark = markOf(blob);
        if (bytesPerSecond >= this.#options.minBytesPerSecond) continue;
        await this.#replace(blob, bytesPerSecond);
        mark = markOf(this.#successor ?? this.#current);
      }
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, "a slow blob could not be watched");
    }
  }

  /** The slow one goes on sending until another one does. */
  async #replace(slow: EndpointBlob, bytesPerSecond: number): Promise<void> {
    const { openOther, log } = this.#options;
    const start = this.#position;
    const next = await openOther(start, this.#over.signal);
    if (!next) return;
    if (this.#over.signal.aborted || next.offset !== start || !this.#isSameSize(next)) {
      next.close();
      return;
    }
    this.#successor = next;
    this.#endpoints.push(next.endpoint.name);
    slow.endpoint.noteSlow();
    const fields = { endpoint: next.endpoint.name, instead: slow.endpoint.name };
    log.info({ ...fields, bytesPerSecond: Math.round(bytesPerSecond) }, "a slow blob goes on");
    slow.close();
  }

  #isSameSize({ size }: EndpointBlob): boolean {
    return size === undefined || this.size === undefined || size === this.size;
  }
}

interface Mark {
  blob: EndpointBlob;
  bytes: number;
  waitedMs: number;
}

function markOf(blob: EndpointBlob): Mark {
  return { blob, bytes: blob.pace.bytes, waitedMs: blob.pace.waitedMs };
}
