import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { PartialBlob } from "../store/blob/blob-store.ts";
import type { RemoteBlob } from "../upstream/upstream.ts";
import type { BlobSource } from "./blob-source.ts";
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

/** Beyond what room was asked for, so much may come. */
const growthBytes = 1024 * 1024;

/** Upstream opened another body than was asked for: it cannot send from the middle. */
class RangesIgnoredError extends Error {}

/** Brings the missing bytes of one partial blob, and those first that a reader waits for. */
export class BlobFiller {
  readonly #options: BlobFillerOptions;
  readonly #segments: Segments;
  readonly #jumps = new Set<Promise<void>>();
  /** Of every body, those that have sent bytes of it; a list grows while its body is read. */
  readonly #senders = new Set<readonly string[]>();
  #ignoresRanges = false;
  #grownTo = 0;

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
    const { partial } = this.#options;
    const front = this.#segments.firstUnclaimed(partial.size ?? Infinity);
    const segment = front && this.#segments.open(front);
    if (segment) await this.#fetch(segment, { first });
    const size = partial.size ?? segment?.position ?? 0;
    partial.setSize(size);
    for (;;) {
      const gap = this.#segments.firstUnclaimed(size);
      if (gap) await this.#fetch(this.#segments.open(gap));
      else if (this.#jumps.size > 0) await Promise.race(this.#jumps);
      else return;
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

  /** Resolves when nothing is being fetched ahead any more; soon, once the signal is aborted. */
  async settle(): Promise<void> {
    await Promise.all(this.#jumps);
  }

  async #fetch(
    segment: Segment,
    options: { first?: RemoteBlob; needsRanges?: boolean } = {},
  ): Promise<void> {
    const { source, partial, signal, clock } = this.#options;
    const chunks = readResuming({
      source,
      start: segment.start,
      size: partial.size,
      limit: () => segment.limit,
      first: options.first,
      signal,
      clock,
      onOpened: (remote, position) => {
        this.#senders.add(remote.endpoints);
        if (options.needsRanges && remote.offset !== position) throw new RangesIgnoredError();
      },
    });
    try {
      await this.#write(segment, chunks);
    } finally {
      this.#segments.close(segment);
    }
  }

  async #grow(size: number): Promise<void> {
    const { partial, onGrowth } = this.#options;
    if (partial.size !== undefined || size < this.#grownTo + growthBytes) return;
    this.#grownTo = size;
    await onGrowth(size);
  }

  /** What came before a failure is in the file, too, by the time that others may fetch the rest. */
  async #write(segment: Segment, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { partial } = this.#options;
    try {
      for await (const chunk of chunks) {
        const at = segment.position;
        await this.#grow(at + chunk.length);
        segment.position += chunk.length;
        await partial.write(at, chunk);
      }
    } finally {
      await partial.flush();
    }
  }
}
