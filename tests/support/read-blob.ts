import type { BlobReader } from "../../src/store/blob/blob-store.ts";

/** Reads `[start, end)` in steps, as a client's response does. */
export async function readBytes(
  reader: BlobReader,
  start = 0,
  end = reader.size,
  step = 64 * 1024,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let at = start; at < end;) {
    const buffer = Buffer.alloc(Math.min(step, end - at));
    const length = await reader.read(buffer, at);
    if (length === 0) break;
    parts.push(buffer.subarray(0, length));
    at += length;
  }
  return Buffer.concat(parts);
}
