import type { Hash } from "node:crypto";
import type { BlobReader } from "../store/blob/blob-store.ts";

const bufferBytes = 1024 * 1024;

/** Hashes the blob's bytes before `end`. */
export async function feedHash(hash: Hash, reader: BlobReader, end: number): Promise<void> {
  const buffer = new Uint8Array(Math.min(bufferBytes, end));
  for (let at = 0; at < end;) {
    const length = await reader.read(buffer.subarray(0, end - at), at);
    hash.update(buffer.subarray(0, length));
    at += length;
  }
}
