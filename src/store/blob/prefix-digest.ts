import type { Hash } from "node:crypto";
import {
  digestAlgorithm,
  finishDigest,
  startDigest,
  type Digest,
  type DigestAlgorithm,
} from "../../oci/digest.ts";

type ReadAt = (buffer: Uint8Array, position: number) => Promise<number>;

const bufferBytes = 512 * 1024;

/**
 * The digest of content whose bytes arrive in any order: what arrives next in line is hashed from
 * memory, what was already there, or came out of turn, is read back.
 */
export class PrefixDigest {
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  readonly #readAt: ReadAt;
  #position = 0;
  #reading: Promise<void> | undefined;

  constructor(digest: Digest, readAt: ReadAt) {
    this.#algorithm = digestAlgorithm(digest);
    this.#hash = startDigest(this.#algorithm);
    this.#readAt = readAt;
  }

  /** All bytes before it are hashed. */
  get position(): number {
    return this.#position;
  }

  /** Takes the chunk if it is the next in line; anything else is read back later. */
  offer(offset: number, chunk: Uint8Array): void {
    if (this.#reading !== undefined || offset !== this.#position) return;
    this.#hash.update(chunk);
    this.#position += chunk.length;
  }

  /** Reads back and hashes until `end()`, which may grow meanwhile. Joins a run under way. */
  catchUp(end: () => number): Promise<void> {
    this.#reading ??= this.#readBack(end).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Only once, with everything hashed. */
  finish(): Digest {
    return finishDigest(this.#hash, this.#algorithm);
  }

  async #readBack(end: () => number): Promise<void> {
    const buffer = new Uint8Array(bufferBytes);
    while (this.#position < end()) {
      const wanted = buffer.subarray(0, Math.min(bufferBytes, end() - this.#position));
      const length = await this.#readAt(wanted, this.#position);
      if (length === 0) throw new Error(`file ends at ${this.#position} instead of ${end()}`);
      this.#hash.update(wanted.subarray(0, length));
      this.#position += length;
    }
  }
}
