import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** `sockaddr_un` holds 104 bytes on macOS and 108 on Linux, and a zero ends them. */
const maxAddressBytes = 103;

/**
 * Calls `use` with a path of the same socket that is short enough for an address, and keeps it
 * good until that resolves. Only Linux has such paths for directories that are deep.
 */
export async function withSocketPath<Result>(
  path: string,
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  if (Buffer.byteLength(path) <= maxAddressBytes) return use(path);
  const directory = await open(dirname(path), "r");
  try {
    return await use(join("/proc/self/fd", String(directory.fd), basename(path)));
  } finally {
    await directory.close();
  }
}
