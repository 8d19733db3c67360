import type { Digest } from "../../oci/digest.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import type { ContentKind } from "../../store/metadata/upkeep-store.ts";
import type { DamagedEntry } from "./operations.ts";

/** Fetches as a client's request does, to the end; what was kept of it is not told. */
type FetchContent = (
  repository: QualifiedName,
  digest: Digest,
  signal: AbortSignal,
) => Promise<void>;

export interface RepairOptions {
  metadata: Pick<MetadataStore, "findBlob" | "findManifest">;
  fetchBlob: FetchContent;
  fetchManifest: FetchContent;
}

export interface DamagedContent {
  kind: ContentKind;
  digest: Digest;
  /** That it is linked to. */
  repositories: QualifiedName[];
}

type Repaired = Required<Pick<DamagedEntry, "repaired">> & Pick<DamagedEntry, "repairProblem">;

/** Fetches it again, through one repository after the other until it is here. */
export async function repair(
  { kind, digest, repositories }: DamagedContent,
  options: RepairOptions,
  signal: AbortSignal,
): Promise<Repaired> {
  let repairProblem = "no repository is known to have it";
  for (const repository of repositories) {
    try {
      await fetchContent(kind, options)(repository, digest, signal);
      if (await isHere(kind, options.metadata, repository, digest)) return { repaired: true };
      repairProblem = `${repository} has it, but it could not be kept`;
    } catch (error) {
      signal.throwIfAborted();
      const reason = Error.isError(error) ? error.message : String(error);
      repairProblem = `${repository}: ${reason}`;
    }
  }
  return { repaired: false, repairProblem };
}

function fetchContent(kind: ContentKind, options: RepairOptions): FetchContent {
  return kind === "blob" ? options.fetchBlob : options.fetchManifest;
}

async function isHere(
  kind: ContentKind,
  metadata: RepairOptions["metadata"],
  repository: QualifiedName,
  digest: Digest,
): Promise<boolean> {
  const holding =
    kind === "blob"
      ? await metadata.findBlob(repository, digest)
      : await metadata.findManifest(repository, digest);
  return holding.content !== undefined;
}
