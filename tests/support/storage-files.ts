import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { digestHex, type Digest } from "../../src/oci/digest.ts";

/** Where the mirror keeps the bytes of a blob on its way in; its record is beside it. */
export function partialFile(storage: string, digest: Digest): string {
  return join(storage, "partial", `sha256-${digestHex(digest)}`);
}

/** Names of what is left of blobs that were on their way in. */
export async function listPartials(storage: string): Promise<string[]> {
  return readdir(join(storage, "partial"));
}

/** What this process has open of the blobs in the storage, whole and partial. */
export async function listOpenBlobFiles(storage: string): Promise<string[]> {
  const handles = await readdir("/proc/self/fd");
  const paths = await Promise.all(
    // The one by which they are listed is closed by now.
    handles.map((handle) => readlink(`/proc/self/fd/${handle}`).catch(() => "")),
  );
  const directories = ["blobs", "partial"].map((name) => `${join(storage, name)}/`);
  return paths.filter((path) => directories.some((directory) => path.startsWith(directory)));
}

export function blobFile(storage: string, digest: Digest): string {
  const hex = digestHex(digest);
  return join(storage, "blobs/sha256", hex.slice(0, 2), hex);
}
