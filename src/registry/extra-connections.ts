import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { PartialBlob } from "../store/blob/blob-store.ts";
import type { BlobBreadth } from "./blob-breadth.ts";
import type { BlobSource } from "./blob-source.ts";
import type { BreadthSearch } from "./breadth-search.ts";
import { RangesIgnoredError } from "./ranges-ignored-error.ts";
import type { Segment, Segments } from "./segments.ts";

export interface ExtraConnectionsOptions {
  source: BlobSource;
  breadth: BlobBreadth;
  segments: Segments;
  partial: PartialBlob;
  size: number;
  /** Rejects without having tried for long; closes the segment in any case. */
  fetch: (segment: Segment) => Promise<void>;
  /** Bytes that have come so far, over all connections. */
  received: () => number;
  clock: Clock;
  log: Logger;
}

/** Rates are measured over so long. */
const windowMs = 300;
const maxFailures = 3;

/** One connection besides the first, piece after piece. */
interface Extra {
  segment: Segment;
  hasFlowed: boolean;
}

/**
 * Further connections for one download, as many as pay. Each takes a piece, and goes on with the
 * next only while that keeps nobody waiting. What they fail to bring, the first one brings.
 */
export class ExtraConnections {
  readonly #options: ExtraConnectionsOptions;
  readonly #search: BreadthSearch;
  readonly #extras = new Map<Extra, Promise<void>>();
  #failures = 0;
  #isOff = false;

  /** undefined: none for such a blob. */
  static for(options: ExtraConnectionsOptions): ExtraConnections | undefined {
    const search = options.breadth.searchFor(options.size);
    return search && new ExtraConnections(options, search);
  }

  private constructor(options: ExtraConnectionsOptions, search: BreadthSearch) {
    this.#options = options;
    this.#search = search;
  }

  /** Those at work, each until it ends. Never reject. */
  get running(): Iterable<Promise<void>> {
    return this.#extras.values();
  }

  /** What the first connection is to bring next: all of a gap, unless others work on the rest. */
  nextForFirst(): Segment | undefined {
    const { segments, size, source } = this.#options;
    const isAlone = this.#isOff || this.#search.wanted === 1 || !source.hasSpareConnection;
    return segments.openPiece(size, isAlone ? size : this.#pieceBytes);
  }

  /** Until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, received, partial, size, log } = this.#options;
    this.#adapt(signal);
    let [since, before] = [clock.monotonic(), received()];
    try {
      while (!this.#isOff) {
        await clock.sleep(windowMs, signal);
        const [now, bytes] = [clock.monotonic(), received()];
        const bytesPerSecond = ((bytes - before) / Math.max(1, now - since)) * 1000;
        this.#note(bytesPerSecond, size - partial.extents.total);
        this.#adapt(signal);
        [since, before] = [now, bytes];
      }
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, "more connections could not be tried");
    }
  }

  /** Resolves when none is at work any more; soon, once the download's signal is aborted. */
  async settle(): Promise<void> {
    await Promise.all(this.#extras.values());
  }

  get #pieceBytes(): number {
    const { breadth, partial, size } = this.#options;
    return breadth.pieceBytes(size - partial.extents.total);
  }

  #note(bytesPerSecond: number, missing: number): void {
    const search = this.#search;
    if (this.#isOff || search.isOver) return;
    const { wanted: earlier } = search;
    const open = this.#extras.size + 1;
    const flowing = [...this.#extras.keys()].filter(isFlowing).length + 1;
    search.note({ bytesPerSecond, missing, open, flowing });
    this.#options.breadth.learn(search);
    if (search.wanted === earlier) return;
    if (search.wanted === 1) this.#options.segments.rejoin(this.#options.size);
    const fields = { connections: search.wanted, bytesPerSecond: Math.round(bytesPerSecond) };
    const what = search.wanted > earlier ? "gets more connections" : "gives up connections";
    this.#options.log.debug(fields, `a download ${what}`);
  }

  #adapt(signal: AbortSignal): void {
    while (this.#mayGoOn(this.#extras.size + 1, signal)) {
      const segment = this.#claim();
      if (!segment) return;
      const extra: Extra = { segment, hasFlowed: false };
      const running = this.#work(extra, segment, signal).finally(() => this.#extras.delete(extra));
      this.#extras.set(extra, running);
    }
  }

  /** With so many besides the first. */
  #mayGoOn(extras: number, signal: AbortSignal): boolean {
    const { source } = this.#options;
    const isWanted = !this.#isOff && extras < this.#search.wanted;
    return isWanted && !signal.aborted && source.hasSpareConnection;
  }

  #claim(): Segment | undefined {
    return this.#options.segments.openPiece(this.#options.size, this.#pieceBytes);
  }

  async #work(extra: Extra, first: Segment, signal: AbortSignal): Promise<void> {
    for (let next: Segment | undefined = first; next; next = this.#nextFor(signal)) {
      extra.segment = next;
      const isWell = await this.#fetch(next);
      extra.hasFlowed ||= hasBytes(next);
      if (!isWell) return;
    }
  }

  #nextFor(signal: AbortSignal): Segment | undefined {
    return this.#mayGoOn(this.#extras.size, signal) ? this.#claim() : undefined;
  }

  #endExtras(): void {
    this.#isOff = true;
    this.#options.segments.rejoin(this.#options.size);
  }

  /** false: it failed. */
  async #fetch(segment: Segment): Promise<boolean> {
    const { fetch, breadth, log } = this.#options;
    try {
      await fetch(segment);
      return true;
    } catch (error) {
      this.#failures += 1;
      const isIgnored = error instanceof RangesIgnoredError;
      if (isIgnored) breadth.learn({ proven: 1, isOver: true });
      if (isIgnored || this.#failures >= maxFailures) this.#endExtras();
      const { start, position } = segment;
      log.debug({ err: error, start, position }, "a further connection failed");
      return false;
    }
  }
}

function isFlowing({ segment, hasFlowed }: Extra): boolean {
  return hasFlowed || hasBytes(segment);
}

function hasBytes({ start, position }: Segment): boolean {
  return position > start;
}
