import type { Digest } from "../../oci/digest.ts";
import { parseRepositoryName, type QualifiedName } from "../../oci/repository-name.ts";
import type { RepositoryDirectory } from "../repository-directory.ts";
import type { Repository } from "../repository.ts";
import type { RepairOptions } from "./repair.ts";

const bufferSize = 256 * 1024;

/** Fetches as clients do. Throws RegistryError, and what the reader throws. */
export function createFetches(
  directory: Pick<RepositoryDirectory, "get">,
): Pick<RepairOptions, "fetchBlob" | "fetchManifest"> {
  return {
    fetchBlob: (repository, digest, signal) =>
      readToEnd(findRepository(directory, repository), digest, signal),
    fetchManifest: async (repository, digest, signal) => {
      signal.throwIfAborted();
      await findRepository(directory, repository).getManifest({ kind: "digest", digest });
    },
  };
}

function findRepository(
  directory: Pick<RepositoryDirectory, "get">,
  qualified: QualifiedName,
): Repository {
  const slash = qualified.indexOf("/");
  const name = parseRepositoryName(qualified.slice(slash + 1));
  return directory.get(qualified.slice(0, slash), name);
}

async function readToEnd(
  repository: Repository,
  digest: Digest,
  signal: AbortSignal,
): Promise<void> {
  const { reader } = await repository.openBlob(digest);
  await using _ = reader;
  const buffer = new Uint8Array(bufferSize);
  for (let position = 0; position < reader.size;) {
    signal.throwIfAborted();
    const count = await reader.read(buffer, position);
    if (count === 0) throw new Error(`blob ended early, at byte ${position}`);
    position += count;
  }
}
