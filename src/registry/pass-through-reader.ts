import type { Hash } from "node:crypto";
import type { Clock } from "../clock.ts";
import {
  digestAlgorithm,
  digestOf,
  finishDigest,
  startDigest,
  type Digest,
} from "../oci/digest.ts";
import { DigestMismatchError, type BlobReader } from "../store/blob/blob-store.ts";
import { UpstreamError, type RemoteBlob } from "../upstream/upstream.ts";
import { openVouched, type BlobSource } from "./blob-source.ts";
import { feedHash } from "./feed-hash.ts";
import { PulledBody } from "./pulled-body.ts";

interface PassThroughOptions {
  source: BlobSource;
  size: number;
  clock: Clock;
  /** A body already opened at the start. */
  first?: RemoteBlob | undefined;
  prefix?: StoredPrefix;
}

/** What of the blob's front can be read here, so that the digest can be checked in spite of it. */
export interface StoredPrefix {
  reader: BlobReader;
  /** The client has all before it from the same reader; 0: it began somewhere in the middle. */
  servedUntil: number;
}

/**
 * A blob straight from upstream, for when the disk does not take it. The last byte is held back
 * until the digest is right, where the client has everything before it or that can be read again;
 * a range from the middle on its own cannot be checked.
 */
export class PassThroughReader implements BlobReader {
  readonly size: number;
  readonly #options: PassThroughOptions;
  readonly #abort: AbortController;
  readonly #senders = new Set<readonly string[]>();
  #first: RemoteBlob | undefined;
  #body: PulledBody | undefined;
  #rest: Uint8Array = new Uint8Array();
  #position = 0;
  #hash: Hash | undefined;

  /** Asks upstream at once; undefined: it says 404. Throws UpstreamError. */
  static async open(options: {
    source: BlobSource;
    describedSize: number | undefined;
    clock: Clock;
  }): Promise<PassThroughReader | undefined> {
    const { source, describedSize, clock } = options;
    const abort = new AbortController();
    const first = await openVouched(source, describedSize, () =>
      source.open({ start: 0, end: undefined }, abort.signal),
    );
    if (!first) return undefined;
    const size = first.size ?? describedSize;
    if (size !== undefined && (size > 0 || isEmptyBlob(source.digest))) {
      return new PassThroughReader({ source, size, clock, first }, abort);
    }
    first.close();
    if (size === 0) source.distrust(first.endpoints);
    const told = size === 0 ? "sends nothing" : "tells no length";
    throw new UpstreamError(
      "invalid",
      `upstream ${told}, and the blob cannot be stored to check it`,
    );
  }

  constructor(options: PassThroughOptions, abort = new AbortController()) {
    this.size = options.size;
    this.#options = options;
    this.#abort = abort;
    this.#first = options.first;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (position >= this.size) return 0;
    if (!this.#body || position !== this.#position) await this.#startAt(position);
    if (this.#rest.length === 0) this.#rest = await this.#nextChunk();
    const part = this.#rest.subarray(0, buffer.length);
    this.#hash?.update(part);
    this.#position += part.length;
    this.#rest = this.#rest.subarray(part.length);
    if (this.#position === this.size) this.#checkDigest();
    buffer.set(part);
    return part.length;
  }

  /** Its bytes are in no file. */
  async transfer(): Promise<number> {
    return 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort(new Error("the reader was closed"));
    this.#first?.close();
    this.#body?.[Symbol.dispose]();
  }

  async #startAt(position: number): Promise<void> {
    this.#body?.[Symbol.dispose]();
    const first = position === 0 ? this.#first : undefined;
    if (!first) this.#first?.close();
    this.#first = undefined;
    this.#rest = new Uint8Array();
    this.#position = position;
    this.#senders.clear();
    this.#hash = await this.#hashUntil(position);
    const { source, size, clock } = this.#options;
    const signal = this.#abort.signal;
    this.#body = new PulledBody({
      source,
      start: position,
      size,
      limit: () => size,
      first,
      signal,
      clock,
      onOpened: ({ endpoints }) => this.#senders.add(endpoints),
    });
  }

  async #nextChunk(): Promise<Uint8Array> {
    const next = await this.#body?.next();
    if (!next) throw new Error(`upstream's body ends at ${this.#position}`);
    return next;
  }

  /**
   * undefined: the bytes before `position` are not to be had, so the digest will stay unknown. Who
   * already has them would then have the whole blob unchecked: that throws.
   */
  async #hashUntil(position: number): Promise<Hash | undefined> {
    const { prefix, source } = this.#options;
    const hash = startDigest(digestAlgorithm(source.digest));
    if (position === 0) return hash;
    if (!prefix) return undefined;
    try {
      await feedHash(hash, prefix.reader, position);
      return hash;
    } catch (error) {
      if (position === prefix.servedUntil) throw error;
      return undefined;
    }
  }

  #checkDigest(): void {
    if (!this.#hash) return;
    const { source } = this.#options;
    const found = finishDigest(this.#hash, digestAlgorithm(source.digest));
    this.#hash = undefined;
    if (found === source.digest) return;
    source.distrust([...new Set([...this.#senders].flat())]);
    throw new DigestMismatchError(source.digest, found);
  }
}

function isEmptyBlob(digest: Digest): boolean {
  return digest === digestOf(new Uint8Array(), digestAlgorithm(digest));
}
