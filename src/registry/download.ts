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
import { BlobFiller } from "./blob-filler.ts";
import { openVouched, type BlobSource } from "./blob-source.ts";
import { DownloadReader } from "./download-reader.ts";
import { PassThroughReader } from "./pass-through-reader.ts";
import { NoRoomError, type DownloadRoom, type Place } from "./upkeep/room.ts";
import { unlessAborted } from "../unless-aborted.ts";

interface DownloadOptions {
  source: BlobSource;
  /** What a manifest says of the blob's size, for an upstream that sends none. */
  describedSize: number | undefined;
  blobs: BlobStore;
  clock: Clock;
  log: Logger;
  /** The blob is in place. */
  onStored: (size: number) => Promise<void>;
  /** It is proof against a power cut. */
  onDurable: () => Promise<void>;
  onStorageFailure: (error: StorageError) => void;
  room: DownloadRoom;
}

/**
 * coming: upstream agreed to send it · absent: upstream said 404 to this source · stored: it was in
 * place already, and nobody was asked.
 */
export type Opening = { kind: "coming"; size: number } | { kind: "absent" } | { kind: "stored" };

/**
 * One blob on its way in, from the first request for it until it is committed or given up. Goes on
 * without clients. Every client, the first one too, reads the file behind it.
 */
export class Download {
  readonly source: BlobSource;
  /** Rejects, mostly with UpstreamError or StorageError, when a client can be given nothing. */
  readonly opened: Promise<Opening>;
  /** Resolves when it is over, well or not. Never rejects. */
  readonly finished: Promise<void>;
  readonly #options: DownloadOptions;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #opening = Promise.withResolvers<Opening>();
  readonly #place: Place;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  #end: { stored: number } | { partial: number } = { partial: 0 };
  #partial: PartialBlob | undefined;
  #filler: BlobFiller | undefined;
  /** Bytes that an earlier download left, from whomever. */
  #inherited = 0;
  #isOver = false;
  #isStored = false;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.source = options.source;
    this.#log = options.log.child({ digest: options.source.digest });
    this.opened = this.#opening.promise;
    this.opened.catch(() => undefined);
    this.startedAt = options.clock.now();
    this.#place = options.room.enter(options.source.digest, () => this.received);
    this.finished = this.#run();
  }

  /** Only once it is coming; undefined: it is over, and the blob in place if all went well. */
  read(): BlobReader | undefined {
    const partial = this.#partial;
    if (!partial || this.#isOver) return undefined;
    const { source, clock } = this.#options;
    return new DownloadReader(
      partial.read((position) => this.#filler?.jumpTo(position)),
      (prefix) => new PassThroughReader({ source, size: prefix.reader.size, clock, prefix }),
    );
  }

  /** Of the blob, in bytes; undefined as long as nobody told it. What a manifest says counts. */
  get size(): number | undefined {
    return this.toldSize ?? this.#options.describedSize;
  }

  /** As upstream says. */
  get toldSize(): number | undefined {
    return this.#partial?.size;
  }

  /** Bytes that are there, those from earlier downloads included. */
  get received(): number {
    return this.#partial?.extents.total ?? 0;
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
      await this.#bringIn();
    } catch (error) {
      await this.#giveUp(Error.isError(error) ? error : new Error(String(error)));
    }
    this.#isOver = true;
    this.#abort.abort(new Error("the download is over"));
    await this.#filler?.settle();
    await this.#tidy(async () => this.#partial?.[Symbol.asyncDispose]());
    this.#place.leave(this.#end);
  }

  async #bringIn(): Promise<void> {
    const { blobs } = this.#options;
    const { digest } = this.source;
    if (await blobs.stat(digest)) {
      // An earlier download ended between the caller's look at the disk and this one's start.
      this.#opening.resolve({ kind: "stored" });
      return;
    }
    const partial = await blobs.partial(digest);
    this.#partial = partial;
    this.#inherited = partial.extents.total;
    // What a manifest says of a size may be wrong: enough to ask upstream only once for what is to
    // be passed through, and not to evict for.
    if (this.size !== undefined) this.#place.check(this.size);
    const { describedSize } = this.#options;
    const remote = await openVouched(this.source, describedSize, () => this.#openFrom(partial));
    if (!remote) {
      this.#opening.resolve({ kind: "absent" });
      await this.#letGo(partial, new Error("upstream does not have the blob"));
    } else if (isContradiction(partial, this.#sizeOf(partial, remote))) {
      remote.close();
      await this.#beginAnew(partial);
    } else {
      await this.#receive(partial, remote);
    }
  }

  /**
   * Upstream has nothing to send from where a partial blob ends that is as long as the blob, or
   * longer; from the front it does, and then tells the size.
   */
  async #openFrom(partial: PartialBlob): Promise<RemoteBlob | undefined> {
    const start = firstToAskFor(partial);
    const { signal } = this.#abort;
    try {
      return await this.source.open({ start, end: undefined }, signal);
    } catch (error) {
      const mayBeTooFar = error instanceof UpstreamError && error.failure === "invalid";
      if (start === 0 || !mayBeTooFar) throw error;
      return this.source.open({ start: 0, end: undefined }, signal);
    }
  }

  /** An earlier run and upstream disagree: one of them was wrong, so what came so far is worthless. */
  async #beginAnew(partial: PartialBlob): Promise<void> {
    this.#log.warn(
      { bytes: partial.extents.total, size: partial.size },
      "a partial blob does not fit the size that upstream tells now; it is begun anew",
    );
    await partial.discard(new Error("the partial blob has another size"));
    await partial[Symbol.asyncDispose]();
    this.#partial = undefined;
    await this.#bringIn();
  }

  async #receive(partial: PartialBlob, remote: RemoteBlob): Promise<void> {
    const { source, clock } = this.#options;
    const { signal } = this.#abort;
    const filler = new BlobFiller({
      source,
      partial,
      signal,
      clock,
      log: this.#log,
      onGrowth: (size) => this.#admit(size),
    });
    try {
      const size = this.#sizeOf(partial, remote);
      await this.#admit(size);
      this.#filler = filler;
      if (size !== undefined) partial.setSize(size);
      // Of an empty blob there is no last byte to hold back until it is verified.
      if (size) this.#opening.resolve({ kind: "coming", size });
      await filler.fill(remote);
    } finally {
      remote.close();
    }
    await partial.verify();
    await this.#store(partial);
  }

  #sizeOf(partial: PartialBlob, remote: RemoteBlob): number | undefined {
    return remote.size ?? partial.size ?? this.#options.describedSize;
  }

  /**
   * In place and recorded before a client has all of it, so that a kill right after loses nothing;
   * what is not yet proof against a power cut is recorded as unchecked.
   */
  async #store(partial: PartialBlob): Promise<void> {
    const { onStored, onDurable } = this.#options;
    const { size = 0 } = partial;
    try {
      await this.#admit(size);
      await partial.commit();
      this.#end = { stored: size };
      await onStored(size);
      this.#place.store(size);
      this.#isStored = true;
      this.#release(partial, size);
      await partial.persist();
      await onDurable();
    } finally {
      // The bytes are right, whatever the disk makes of them.
      this.#release(partial, size);
    }
  }

  /** Throws NoRoomError. A stop does not wait for others to make room. */
  async #admit(size: number | undefined): Promise<void> {
    if (size !== undefined) await unlessAborted(this.#place.admit(size), this.#abort.signal);
  }

  #release(partial: PartialBlob, size: number): void {
    partial.release();
    this.#opening.resolve({ kind: "coming", size });
  }

  async #giveUp(reason: Error): Promise<void> {
    this.#isOver = true;
    this.#opening.reject(toOpeningError(reason));
    this.#noteFailure(reason);
    if (this.#partial) await this.#letGo(this.#partial, reason);
  }

  /** Keeps for a later download what is of use to it; requests that brought nothing leave no trace. */
  async #letGo(partial: PartialBlob, reason: Error): Promise<void> {
    const isWrong = reason instanceof DigestMismatchError;
    const isInTheWay = reason instanceof StorageError && reason.failure === "full";
    const isUseless = isWrong || isInTheWay || partial.extents.total === 0;
    if (isUseless) return this.#tidy(() => partial.discard(reason));
    partial.abandon(reason);
    if (!("stored" in this.#end)) this.#end = { partial: partial.extents.total };
  }

  /** The disk's troubles at the end are told, and change nothing any more. */
  async #tidy(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (error instanceof StorageError) this.#options.onStorageFailure(error);
      else this.#log.error({ err: error }, "a download could not be ended properly");
    }
  }

  #noteFailure(reason: Error): void {
    if (reason instanceof DigestMismatchError) {
      const endpoints = this.#filler?.endpoints ?? [];
      const inherited = this.#inherited;
      // Whose bytes were wrong, nobody knows then; next time all of them are fetched.
      if (inherited === 0) this.source.distrust(endpoints);
      const fields = { found: reason.found, endpoints, inherited };
      this.#log.warn(fields, "upstream sent a blob with a wrong digest; it is discarded");
    } else if (reason instanceof NoRoomError) {
      const fields = { size: reason.size, reason: reason.message };
      this.#log.warn(fields, "a blob has no room in the storage; it is passed through uncached");
    } else if (reason instanceof StorageError) {
      this.#options.onStorageFailure(reason);
    } else if (!this.#abort.signal.aborted) {
      const fields = { err: reason, bytes: this.#partial?.extents.total };
      if (reason instanceof UpstreamError) this.#log.debug(fields, "download interrupted");
      else this.#log.error(fields, "download failed");
    }
  }
}

/** Wrong bytes, to those who have seen none of them, are an answer that is not what was asked for. */
function toOpeningError(reason: Error): Error {
  if (!(reason instanceof DigestMismatchError)) return reason;
  return new UpstreamError("invalid", reason.message, { cause: reason });
}

/** The first missing byte; one earlier where that may be the end, as nothing is sent from there. */
function firstToAskFor({ extents, size }: PartialBlob): number {
  const missing = extents.presentUntil(0);
  const isThere = size !== undefined && missing < size;
  return isThere ? missing : Math.max(0, missing - 1);
}

function isContradiction({ extents, size }: PartialBlob, told: number | undefined): boolean {
  if (told === undefined) return false;
  return (size ?? told) !== told || extents.nextPresent(told) !== undefined;
}
