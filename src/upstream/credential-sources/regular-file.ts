import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";

/** A pipe without a writer, too: to wait for one there would have no end. Look at `isFile` first. */
export function openWithoutWaiting(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** undefined: it is longer. */
export async function readAtMost(file: FileHandle, maxBytes: number): Promise<string | undefined> {
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) return buffer.toString("utf8", 0, length);
    length += bytesRead;
  }
  return undefined;
}
