import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../oci/digest.ts";
import { errnoOf, toStorageError } from "./disk-errors.ts";
import { DiskLayout } from "./disk-layout.ts";

/** Whole blobs, in digest order, with one directory of them in memory. Throws StorageError. */
export async function* listBlobs(layout: DiskLayout): AsyncGenerator<Digest, void> {
  for (const algorithm of await listNames(layout.blobs, (entry) => entry.isDirectory())) {
    const directory = join(layout.blobs, algorithm);
    for (const prefix of await listNames(directory, isBlobDirectory)) {
      const names = await listFiles(join(directory, prefix));
      yield* names.flatMap((name) => DiskLayout.digestOfBlob(algorithm, prefix, name) ?? []);
    }
  }
}

/** Names of the files in a directory, sorted; none where it is missing. Throws StorageError. */
export function listFiles(directory: string): Promise<string[]> {
  return listNames(directory, (entry) => entry.isFile());
}

function isBlobDirectory(entry: Dirent): boolean {
  return entry.isDirectory() && /^[0-9a-f]{2}$/.test(entry.name);
}

async function listNames(directory: string, accept: (entry: Dirent) => boolean): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter(accept)
      .map(({ name }) => name)
      .toSorted();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw toStorageError(error, `listing ${directory}`);
  }
}
