import type { FileHandle } from "node:fs/promises";
import type { Run } from "./run.ts";

/**
 * One open file with several users: closed when the last of them has let go, however the file was
 * renamed or deleted meanwhile.
 */
export class SharedFile {
  readonly handle: FileHandle;
  #users = 1;

  /** The caller is the first user. */
  constructor(handle: FileHandle) {
    this.handle = handle;
  }

  retain(): void {
    this.#users += 1;
  }

  async release(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.handle.close();
  }
}

/** Writes all of the run; a short write goes on where it stopped. */
export async function writeFully(handle: FileHandle, run: Run): Promise<void> {
  let rest: readonly Uint8Array[] = run.chunks;
  for (let at = run.start; at < run.end;) {
    const { bytesWritten } = await handle.writev(rest, at);
    if (bytesWritten === 0) throw new Error("the file system took no byte");
    at += bytesWritten;
    if (at < run.end) rest = dropBytes(rest, bytesWritten);
  }
}

function dropBytes(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  const kept: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (left < chunk.length) kept.push(left === 0 ? chunk : chunk.subarray(left));
    left = Math.max(0, left - chunk.length);
  }
  return kept;
}
