import { createCipheriv, createHash, type Hash } from "node:crypto";

/** Where a blob's own bytes are: the rest is shared. */
const tailLength = 8;
const hashStepBytes = 16 * 1024 * 1024;

/** A blob of so many bytes: the first of the shared body, and then a tail of its own. */
export interface UpstreamBlob {
  size: number;
  tail: Buffer;
}

/**
 * Any number of blobs of any size, all distinct, in the memory of the largest. As they begin alike,
 * the digests of many take no longer than that of the largest.
 */
export class UpstreamBlobs {
  readonly #blobs = new Map<string, UpstreamBlob>();
  #body = Buffer.alloc(0);

  /** Digests, in the order of the sizes, each of at least 8 bytes. */
  add(sizes: readonly number[]): string[] {
    this.#grow(Math.max(0, ...sizes));
    const digests: string[] = [];
    const hash = createHash("sha256");
    let hashed = 0;
    for (const [index, size] of [...sizes.entries()].toSorted(([, a], [, b]) => a - b)) {
      const end = Math.max(0, size - tailLength);
      this.#hash(hash, hashed, end);
      hashed = end;
      const tail = Buffer.alloc(tailLength);
      tail.writeBigUInt64LE(BigInt(this.#blobs.size + 1));
      const digest = `sha256:${hash.copy().update(tail).digest("hex")}`;
      this.#blobs.set(digest, { size: end + tailLength, tail });
      digests[index] = digest;
    }
    return digests;
  }

  find(digest: string): UpstreamBlob | undefined {
    return this.#blobs.get(digest);
  }

  /** From `first` up to, not including, `end`; in steps of at most `stepBytes`. */
  *read(blob: UpstreamBlob, first: number, end: number, stepBytes: number): Iterable<Buffer> {
    const bodyEnd = blob.size - tailLength;
    const sharedEnd = Math.min(end, bodyEnd);
    for (let at = first; at < sharedEnd; at += stepBytes) {
      yield this.#body.subarray(at, Math.min(at + stepBytes, sharedEnd));
    }
    if (end > bodyEnd) yield blob.tail.subarray(Math.max(0, first - bodyEnd), end - bodyEnd);
  }

  #hash(hash: Hash, first: number, end: number): void {
    for (let at = first; at < end; at += hashStepBytes) {
      hash.update(this.#body.subarray(at, Math.min(at + hashStepBytes, end)));
    }
  }

  /** What was there stays the same: the bytes are a cipher's key stream. */
  #grow(size: number): void {
    if (size <= this.#body.length) return;
    const cipher = createCipheriv("aes-256-ctr", Buffer.alloc(32, "bench"), Buffer.alloc(16));
    const zeros = Buffer.alloc(hashStepBytes);
    this.#body = Buffer.allocUnsafeSlow(size);
    for (let at = 0; at < size; at += zeros.length) {
      cipher.update(zeros.subarray(0, size - at)).copy(this.#body, at);
    }
  }
}
