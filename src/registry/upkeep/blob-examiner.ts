import type { Clock } from "../../clock.ts";
import type { BlobStore } from "../../store/blob/blob-store.ts";
import type { InventoryStore } from "../../store/metadata/inventory-store.ts";
import type { MetadataStore } from "../../store/metadata/metadata-store.ts";
import type { StoredBlob, UpkeepStore } from "../../store/metadata/upkeep-store.ts";
import type { Pace } from "../feed-hash.ts";
import type { Finding, StoredBlobs } from "../stored-blobs.ts";

interface BlobExaminerOptions {
  blobs: BlobStore;
  metadata: Pick<MetadataStore, "deleteBlob">;
  inventory: Pick<InventoryStore, "summarizeBlob">;
  upkeep: Pick<UpkeepStore, "saveCheck">;
  stored: StoredBlobs;
  clock: Clock;
}

/** missing: its record was there, but no file. */
export type Examined = Finding | { kind: "missing" };

/** Holds blobs at rest against their digests and records. */
export class BlobExaminer {
  readonly #options: BlobExaminerOptions;

  constructor(options: BlobExaminerOptions) {
    this.#options = options;
  }

  /**
   * Writes down that the blob is sound; otherwise sees to it that the next request fetches it
   * again. One that goes away meanwhile counts as replaced. Rejects as `pace` does, and with
   * StorageError or MetadataError where nothing can be said or kept.
   */
  async examine({ digest, size }: StoredBlob, pace: Pace): Promise<Examined> {
    const { blobs, stored, upkeep, clock } = this.#options;
    await using reader = await blobs.open(digest);
    if (!reader) return await this.#lookAgain(digest);
    const finding = await stored.inspect(digest, reader, { expected: size, pace });
    if (finding.kind === "sound") await upkeep.saveCheck(digest, clock.now());
    return finding;
  }

  /** Eviction forgets the record first, so a record that is still there has lost its file. */
  async #lookAgain(digest: StoredBlob["digest"]): Promise<Examined> {
    const { blobs, metadata, inventory } = this.#options;
    const isHere = (await blobs.stat(digest)) !== undefined;
    const isRecorded = (await inventory.summarizeBlob(digest)) !== undefined;
    if (isHere || !isRecorded) return { kind: "replaced" };
    await metadata.deleteBlob(digest);
    return { kind: "missing" };
  }
}
