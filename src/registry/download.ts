import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import {
  DigestMismatchError,
  StorageError,
  type BlobReader,
  type BlobStore,
  type PartialBlob,
} from "../store/blob/blob-store.ts";
import { UpstreamError, type RemoteBlob } from "../upstream/upstream.ts";
import type { BlobSource } from "./blob-source.ts";
import { DownloadReader } from "./download-reader.ts";
import { PassThroughReader } from "./pass-through-reader.ts";
import { readResuming } from "./resuming-body.ts";
import { Segments, type Segment } from "./segments.ts";

interface DownloadOptions {
  source: BlobSource;
  /** What a manifest says of the blob's size, for an upstream that sends none. */
  describedSize: number | undefined;
  blobs: BlobStore;
  clock: Clock;
  log: Logger;
  /** The blob is in place, and later: proof against a power cut. */
  onStored: (size: number, state: { isDurable: boolean }) => Promise<void>;
  onStorageFailure: (error: StorageError) => void;
}

/** Upstream opened another body than was asked for: it cannot send from the middle. */
class RangesIgnoredError extends Error {}

/**
 * One blob on its way in, from the first request for it until it is committed or given up. Goes on
 * without clients. Every client, the first one too, reads the file behind it.
 */
export class Download {
  readonly source: BlobSource;
  /**
   * The size, once upstream agreed to send; undefined: it says 404. Rejects with UpstreamError or
   * StorageError when nothing could be begun.
   */
  readonly opened: Promise<number | undefined>;
  /** Resolves when it is over, well or not. */
  readonly finished: Promise<void>;
  readonly #options: DownloadOptions;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #opening = Promise.withResolvers<number | undefined>();
  readonly #endpoints = new Set<string>();
  readonly #jumps = new Set<Promise<void>>();
  #partial: PartialBlob | undefined;
  #segments: Segments | undefined;
  #ignoresRanges = false;
  #isOver = false;
  #isStored = false;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.source = options.source;
    this.#log = options.log.child({ digest: options.source.digest });
    this.opened = this.#opening.promise;
    this.opened.catch(() => undefined);
    this.finished = this.#run();
  }

  /** Only after `opened` told a size; undefined: it is over, and the blob in place if all went well. */
  read(): BlobReader | undefined {
    const partial = this.#partial;
    if (!partial || this.#isOver) return undefined;
    const { source, clock } = this.#options;
    return new DownloadReader(
      partial.read((position) => this.#jumpTo(position)),
      (prefix) => new PassThroughReader({ source, size: prefix.size, clock, prefix }),
    );
  }

  /** Not to be joined any more; `finished` follows. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Upstream has no further part in it. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** Ends it; what came so far stays for a later download. */
  async stop(reason: Error): Promise<void> {
    this.#abort.abort(reason);
    await this.finished;
  }

  async #run(): Promise<void> {
    try {
      const { blobs } = this.#options;
      const stored = await blobs.stat(this.source.digest);
      if (stored) {
        // An earlier download ended between the caller's look at the disk and this one's start.
        this.#opening.resolve(stored.size);
        return;
      }
      this.#partial = await blobs.partial(this.source.digest);
      await this.#transfer(this.#partial);
    } catch (error) {
      await this.#giveUp(error);
    } finally {
      this.#isOver = true;
      this.#abort.abort(new Error("the download is over"));
      await Promise.all(this.#jumps);
      await this.#partial?.[Symbol.asyncDispose]();
    }
  }

  async #transfer(partial: PartialBlob): Promise<void> {
    const start = firstMissing(partial);
    const remote = await this.source.open({ start, end: undefined }, this.#abort.signal);
    if (!remote) {
      this.#opening.resolve(undefined);
      await this.#letGo(partial, new Error("upstream does not have the blob"));
      return;
    }
    await this.#checkSize(partial, remote);
    const size = remote.size ?? partial.size ?? this.#options.describedSize;
    if (size !== undefined) {
      partial.setSize(size);
      this.#opening.resolve(size);
    }
    await this.#fill(partial, remote, start);
    await partial.verify();
    this.#opening.resolve(partial.size);
    await this.#store(partial);
  }

  /**
   * In place and recorded before a client has all of it, so that a kill right after loses nothing;
   * what is not yet proof against a power cut is recorded as unchecked.
   */
  async #store(partial: PartialBlob): Promise<void> {
    const { onStored } = this.#options;
    try {
      const { size } = await partial.commit();
      await onStored(size, { isDurable: false });
      this.#isStored = true;
      partial.release();
      await partial.persist();
      await onStored(size, { isDurable: true });
    } finally {
      // The bytes are right, whatever the disk makes of them.
      partial.release();
    }
  }

  /** An earlier run and upstream disagree: one of them was wrong, so what came so far is worthless. */
  async #checkSize(partial: PartialBlob, remote: RemoteBlob): Promise<void> {
    if (partial.size === undefined || remote.size === undefined) return;
    if (partial.size === remote.size) return;
    remote.close();
    const message = `blob has ${remote.size} bytes, not ${partial.size} as upstream said before`;
    const reason = new UpstreamError("invalid", message);
    await partial.discard(reason);
    throw reason;
  }

  /** Brings everything that is missing, whatever readers bring forward meanwhile. */
  async #fill(partial: PartialBlob, first: RemoteBlob, start: number): Promise<void> {
    const segments = new Segments(partial.extents);
    this.#segments = segments;
    const end = partial.size ?? Infinity;
    const gapEnd = partial.extents.nextPresent(start) ?? end;
    const segment = segments.open({ start, end: gapEnd });
    await this.#fetch(partial, segment, { first });
    if (partial.size === undefined) partial.setSize(segment.position);
    for (;;) {
      const gap = segments.firstUnclaimed(partial.size ?? 0);
      if (gap) await this.#fetch(partial, segments.open(gap));
      else if (this.#jumps.size > 0) await Promise.race(this.#jumps);
      else return;
    }
  }

  async #fetch(
    partial: PartialBlob,
    segment: Segment,
    options: { first?: RemoteBlob; needsRanges?: boolean } = {},
  ): Promise<void> {
    const { source, clock } = this.#options;
    try {
      const chunks = readResuming({
        source,
        start: segment.start,
        size: partial.size,
        limit: () => segment.limit,
        first: options.first,
        signal: this.#abort.signal,
        clock,
        onOpened: (remote, position) => {
          this.#endpoints.add(remote.endpoint);
          if (options.needsRanges && remote.offset !== position) throw new RangesIgnoredError();
        },
      });
      for await (const chunk of chunks) {
        const at = segment.position;
        segment.position += chunk.length;
        await partial.write(at, chunk);
      }
      await partial.flush();
    } finally {
      this.#segments?.close(segment);
    }
  }

  /** A reader waits at `position`. What comes of it is a gain only: the filling goes on without. */
  #jumpTo(position: number): void {
    const partial = this.#partial;
    if (!partial?.size || this.#ignoresRanges || this.#abort.signal.aborted) return;
    const segment = this.#segments?.jumpTo(position, partial.size);
    if (!segment) return;
    const jump = this.#fetch(partial, segment, { needsRanges: true })
      .catch((error: unknown) => {
        this.#ignoresRanges ||= error instanceof RangesIgnoredError;
        this.#log.debug({ err: error, position }, "could not fetch ahead");
      })
      .finally(() => this.#jumps.delete(jump));
    this.#jumps.add(jump);
  }

  async #giveUp(error: unknown): Promise<void> {
    this.#isOver = true;
    const reason = Error.isError(error) ? error : new Error(String(error));
    this.#opening.reject(reason);
    if (reason instanceof DigestMismatchError) {
      for (const endpoint of this.#endpoints) this.source.distrust(endpoint);
      this.#log.warn(
        { found: reason.found, endpoints: [...this.#endpoints] },
        "upstream sent a blob with a wrong digest; it is discarded",
      );
      await this.#partial?.discard(reason);
    } else if (reason instanceof StorageError) {
      this.#options.onStorageFailure(reason);
      if (reason.failure === "full") await this.#partial?.discard(reason);
      else this.#partial?.abandon(reason);
    } else {
      if (this.#partial) await this.#letGo(this.#partial, reason);
      this.#noteInterruption(reason);
    }
  }

  /** Keeps what came for a later download; requests that brought nothing leave no trace. */
  async #letGo(partial: PartialBlob, reason: Error): Promise<void> {
    if (partial.extents.total === 0) await partial.discard(reason);
    else partial.abandon(reason);
  }

  #noteInterruption(reason: Error): void {
    if (this.#abort.signal.aborted) return;
    const fields = { err: reason, bytes: this.#partial?.extents.total };
    if (reason instanceof UpstreamError) this.#log.debug(fields, "download interrupted");
    else this.#log.error(fields, "download failed");
  }
}

/** Where to begin; the last byte if all are there, as upstream is to be asked in any case. */
function firstMissing(partial: PartialBlob): number {
  const gap = partial.extents.firstGap(partial.size ?? Infinity);
  return gap?.start ?? Math.max(0, (partial.size ?? 0) - 1);
}
