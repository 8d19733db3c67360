import type { ServerResponse } from "node:http";
import type { ByteRange } from "../oci/byte-range.ts";
import type { BlobReader } from "../registry/repository.ts";
import { BodyOutlet } from "./body-outlet.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { DoubleBuffer } from "./double-buffer.ts";

/** Ranges of a blob, with bytes of our own between them where they are several. */
export interface BlobBody {
  /** Whoever sends the body disposes of it. */
  reader: BlobReader;
  parts: readonly (ByteRange | Uint8Array)[];
}

interface BlobSending {
  /** Its headers are written. */
  response: ServerResponse;
  body: BlobBody;
  pool: BufferPool;
  /** Told how many bytes the socket has taken. */
  onSent: (count: number) => void;
}

/**
 * Sends the body and ends the response. A client that leaves is no error: the reader is disposed
 * of at once, also in the middle of a read. Throws what the reader throws, and leaves the response
 * open then.
 */
export async function sendBlob({ response, body, pool, onSent }: BlobSending): Promise<void> {
  await using held = new AsyncDisposableStack();
  held.use(body.reader);
  const outlet = new BodyOutlet(response, onSent);
  response.once("close", () => {
    outlet.close();
    // What only was read loses nothing when closing it fails.
    held.disposeAsync().catch(() => undefined);
  });
  try {
    await pump(body, outlet, pool);
    if (outlet.isOpen) response.end();
  } catch (error) {
    if (outlet.isOpen) throw error;
  }
}

async function pump({ reader, parts }: BlobBody, outlet: BodyOutlet, pool: BufferPool) {
  const buffers = new DoubleBuffer(pool);
  for (const part of parts) {
    if (part instanceof Uint8Array) await outlet.write(part);
    else await pumpRange(reader, part, { outlet, buffers });
  }
  await buffers.empty();
  if (outlet.isOpen) buffers.release();
}

async function pumpRange(
  reader: BlobReader,
  range: ByteRange,
  { outlet, buffers }: { outlet: BodyOutlet; buffers: DoubleBuffer },
): Promise<void> {
  let position = range.start;
  while (position < range.end) {
    const buffer = await buffers.next();
    if (!outlet.isOpen) return;
    const count = await reader.read(buffer.subarray(0, range.end - position), position);
    if (count === 0) throw new Error(`blob ended early, at byte ${position}`);
    buffers.pass(outlet.write(buffer.subarray(0, count)));
    position += count;
  }
}
