import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { PartialBlob } from "../store/blob/blob-store.ts";
import type { RemoteBlob } from "../upstream/upstream.ts";
import type { BlobSource } from "./blob-source.ts";
import { ExtraConnections } from "./extra-connections.ts";
import { RangesIgnoredError } from "./ranges-ignored-error.ts";
import { readResuming } from "./resuming-body.ts";
import { Segments, type Segment } from "./segments.ts";

interface BlobFillerOptions {
  source: BlobSource;
  partial: PartialBlob;
  signal: AbortSignal;
  clock: Clock;
  log: Logger;
  /** Where upstream tells no size: asked for room as bytes come. What it throws ends the filling. */
  onGrowth: (size: number) => Promise<void>;
}

interface FetchOptions {
  first?: RemoteBlob | undefined;
  /** A body that begins elsewhere is a RangesIgnoredError. */
  needsRanges?: boolean;
  /** Others bring what it does not. */
  isExtra?: boolean;
}

/** Beyond what room was asked for, so much may come. */
const growthBytes = 1024 * 1024;

/** Brings the missing bytes of one partial blob, and those first that a reader waits for. */
export class BlobFiller {
  readonly #options: BlobFillerOptions;
  readonly #segments: Segments;
  readonly #jumps = new Set<Promise<void>>();
  /** Of every body, those that have sent bytes of it; a list grows while its body is read. */
  readonly #senders = new Set<readonly string[]>();
  #extras: ExtraConnections | undefined;
  #ignoresRanges = false;
  #grownTo = 0;
  #received = 0;

  constructor(options: BlobFillerOptions) {
    this.#options = options;
    this.#segments = new Segments(options.partial.extents);
  }

  /** All that sent bytes of it. */
  get endpoints(): readonly string[] {
    return [...new Set([...this.#senders].flat())];
  }

  /**
   * Resolves when every byte is in the file. `first` is a body that begins at or before the first
   * missing byte; the caller closes it. Where upstream tells no size, its end is the blob's.
   */
  async fill(first: RemoteBlob): Promise<void> {
    const { partial, signal } = this.#options;
    const front = this.#segments.firstUnclaimed(partial.size ?? Infinity);
    const segment = front && this.#segments.open(front);
    const over = new AbortController();
    const extras = this.#startExtras(AbortSignal.any([signal, over.signal]));
    try {
      if (segment) await this.#fetch(segment, { first });
      const size = partial.size ?? segment?.position ?? 0;
      partial.setSize(size);
      await this.#fillGaps(size);
    } finally {
      over.abort(new Error("nothing is to be fetched any more"));
      await extras;
    }
  }

  /** A reader waits at `position`. What comes of it is a gain only: the filling goes on without. */
  jumpTo(position: number): void {
    const { partial, signal, log } = this.#options;
    if (!partial.size || this.#ignoresRanges || signal.aborted) return;
    const segment = this.#segments.jumpTo(position, partial.size);
    if (!segment) return;
    const jump = this.#fetch(segment, { needsRanges: true })
      .catch((error: unknown) => {
        this.#ignoresRanges ||= error instanceof RangesIgnoredError;
        log.debug({ err: error, position }, "could not fetch ahead");
      })
      .finally(() => this.#jumps.delete(jump));
    this.#jumps.add(jump);
  }

  /** Resolves when nothing is being fetched any more; soon, once the signal is aborted. */
  async settle(): Promise<void> {
    await Promise.all([...this.#jumps, this.#extras?.settle()]);
  }

  async #startExtras(signal: AbortSignal): Promise<void> {
    const { partial, source } = this.#options;
    if (partial.size === undefined || !source.breadth) return;
    this.#extras = ExtraConnections.for({
      ...this.#options,
      breadth: source.breadth,
      segments: this.#segments,
      size: partial.size,
      fetch: (segment) => this.#fetch(segment, { needsRanges: true, isExtra: true }),
      received: () => this.#received,
    });
    await this.#extras?.run(signal);
  }

  async #fillGaps(size: number): Promise<void> {
    for (;;) {
      const next = this.#extras ? this.#extras.nextForFirst() : this.#wholeGap(size);
      const others = [...this.#jumps, ...(this.#extras?.running ?? [])];
      if (next) await this.#fetch(next);
      else if (others.length > 0) await Promise.race(others);
      else return;
    }
  }

  #wholeGap(size: number): Segment | undefined {
    const gap = this.#segments.firstUnclaimed(size);
    return gap && this.#segments.open(gap);
  }

  async #fetch(segment: Segment, options: FetchOptions = {}): Promise<void> {
    const { source, partial, signal, clock } = this.#options;
    const { first, needsRanges = false, isExtra = false } = options;
    const body = {
      source,
      start: segment.start,
      size: partial.size,
      limit: () => segment.limit,
      first,
      signal,
      clock,
      fruitlessTries: isExtra ? 0 : undefined,
      onOpened: (remote: RemoteBlob, position: number) => {
        this.#senders.add(remote.endpoints);
        if (needsRanges && remote.offset !== position) throw new RangesIgnoredError();
      },
    };
    try {
      await readResuming(body, (chunk) => this.#write(segment, chunk));
    } finally {
      // What came before a failure is in the file, too, by the time that others may fetch the rest.
      await partial.flush().finally(() => this.#segments.close(segment));
    }
  }

  #write(segment: Segment, chunk: Uint8Array): Promise<void> | undefined {
    const { partial } = this.#options;
    const end = segment.position + chunk.length;
    const isGrowing = partial.size === undefined && end >= this.#grownTo + growthBytes;
    return isGrowing ? this.#growAndPut(segment, chunk, end) : this.#put(segment, chunk);
  }

  async #growAndPut(segment: Segment, chunk: Uint8Array, end: number): Promise<void> {
    this.#grownTo = end;
    await this.#options.onGrowth(end);
    await this.#put(segment, chunk);
  }

  #put(segment: Segment, chunk: Uint8Array): Promise<void> | undefined {
    const at = segment.position;
    segment.position += chunk.length;
    this.#received += chunk.length;
    return this.#options.partial.write(at, chunk);
  }
}
