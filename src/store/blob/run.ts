import { types } from "node:util";
import type { ByteRange } from "../../oci/byte-range.ts";

/** Neighbouring chunks, which go to disk in one call. */
export interface Run extends ByteRange {
  chunks: Uint8Array[];
}

/** Copies from `position`, which is in the run, as much as `buffer` takes; says how much that is. */
export function copyFromRun(run: Run, buffer: Uint8Array, position: number): number {
  let copied = 0;
  let skipped = position - run.start;
  for (const chunk of run.chunks) {
    if (skipped >= chunk.length) {
      skipped -= chunk.length;
      continue;
    }
    const part = chunk.subarray(skipped, skipped + buffer.length - copied);
    buffer.set(part, copied);
    copied += part.length;
    skipped = 0;
    if (copied === buffer.length) break;
  }
  return copied;
}

/**
 * Gives the memory of its chunks back at once: they lie outside of V8's heap, and to find out that
 * nobody uses them any more cost a cold blob 2.5 CPU s/GiB and 60 MiB.
 */
export function freeRun({ chunks }: Run): void {
  for (const { buffer, byteLength } of chunks) {
    // What else is in it may be in use.
    if (types.isArrayBuffer(buffer) && buffer.byteLength === byteLength) buffer.transfer(0);
  }
}
