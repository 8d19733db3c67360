import type { Digest } from "../../oci/digest.ts";
import type { Leftover } from "../../store/blob/blob-store.ts";
import type { StoredContent } from "../../store/metadata/upkeep-store.ts";
import type { SpaceTally } from "./space-tally.ts";

/** What takes content away, or for a dry run only says that it would. */
export interface Remover {
  /** In the storage once all that was removed has gone. */
  readonly bytesLeft: number;
  /** Removed so far, by whomever. */
  readonly bytesRemoved: number;
  /** Only of a dry run, in which what goes is listed on. */
  wasRemoved(digest: Digest): boolean;
  /** Says which went: not those that are in use now. Throws MetadataError, StorageError. */
  removeBlobs(blobs: readonly StoredContent[]): Promise<StoredContent[]>;
  /** As above; their blobs stay. */
  removeManifests(manifests: readonly StoredContent[]): Promise<StoredContent[]>;
  /** false: it is in use now, or cannot be deleted, which keeps nothing else from going. */
  removeLeftover(leftover: Leftover): Promise<boolean>;
}

/** Nothing goes, and the figures are as if it had. */
export class DryRunRemover implements Remover {
  readonly #tally: SpaceTally;
  readonly #gone = new Set<Digest>();
  readonly #goneLeftovers = new Set<Leftover>();
  #bytes = 0;

  constructor(tally: SpaceTally) {
    this.#tally = tally;
  }

  get bytesLeft(): number {
    return this.#tally.bytesLeft - this.#bytes;
  }

  get bytesRemoved(): number {
    return this.#bytes;
  }

  wasRemoved(digest: Digest): boolean {
    return this.#gone.has(digest);
  }

  async removeBlobs(blobs: readonly StoredContent[]): Promise<StoredContent[]> {
    const going = blobs.filter(({ digest }) => !this.#tally.isIncoming(digest));
    for (const { digest, size } of going) {
      this.#gone.add(digest);
      this.#bytes += size;
    }
    return going;
  }

  async removeManifests(manifests: readonly StoredContent[]): Promise<StoredContent[]> {
    return [...manifests];
  }

  async removeLeftover(leftover: Leftover): Promise<boolean> {
    if (this.#goneLeftovers.has(leftover)) return false;
    this.#goneLeftovers.add(leftover);
    this.#bytes += leftover.bytes;
    return true;
  }
}
