import type { Hash } from "node:crypto";
import type { BlobReader } from "../store/blob/blob-store.ts";

/** Hashing so much keeps requests waiting for well below a millisecond. */
const bufferBytes = 256 * 1024;

/** Called after each read, with its length, and waited for: to pace the reading, or to tell of it. */
export type Pace = (bytes: number) => Promise<void>;

/** Hashes the blob's bytes before `end`. */
export async function feedHash(
  hash: Hash,
  reader: BlobReader,
  end: number,
  pace?: Pace,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(bufferBytes, end));
  for (let at = 0; at < end;) {
    const length = await reader.read(buffer.subarray(0, end - at), at);
    hash.update(buffer.subarray(0, length));
    at += length;
    await pace?.(length);
  }
}
