import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "../../oci/digest.ts";
import type { BlobStore } from "../../store/blob/blob-store.ts";
import type { StoredBlob, UpkeepStore } from "../../store/metadata/upkeep-store.ts";

/** A blob as the disk and the records have it; one of the two at least. */
export interface StoredPair {
  digest: Digest;
  hasFile: boolean;
  record: StoredBlob | undefined;
}

/** How many records are read, and how many pairs are told, before requests have their turn. */
const recordsAtOnce = 500;

/**
 * All blobs, in digest order, without holding more than a page of them. Files and records are read
 * one after the other, so what comes or goes meanwhile may seem to have lost its counterpart:
 * look again.
 */
export async function* compareStored(
  blobs: Pick<BlobStore, "list">,
  upkeep: Pick<UpkeepStore, "listBlobs">,
): AsyncGenerator<StoredPair> {
  const records = new RecordWalk(upkeep);
  for await (const digest of blobs.list()) {
    for (;;) {
      const record = await records.takeBefore(digest);
      if (!record) break;
      yield { digest: record.digest, hasFile: false, record };
    }
    yield { digest, hasFile: true, record: records.take(digest) };
  }
  for (;;) {
    const record = await records.takeBefore(undefined);
    if (!record) return;
    yield { digest: record.digest, hasFile: false, record };
  }
}

/** Records in digest order, a page at a time. */
class RecordWalk {
  readonly #upkeep: Pick<UpkeepStore, "listBlobs">;
  #page: StoredBlob[] = [];
  #position = 0;
  #isLastPage = false;

  constructor(upkeep: Pick<UpkeepStore, "listBlobs">) {
    this.#upkeep = upkeep;
  }

  /** The next record, if it comes before `digest` or that is undefined. */
  async takeBefore(digest: Digest | undefined): Promise<StoredBlob | undefined> {
    if (this.#position === this.#page.length && !this.#isLastPage) await this.#turnPage();
    const next = this.#page[this.#position];
    if (!next || (digest !== undefined && next.digest >= digest)) return undefined;
    this.#position += 1;
    return next;
  }

  /** The next record, if it is this blob's; after `takeBefore` with it. */
  take(digest: Digest): StoredBlob | undefined {
    const next = this.#page[this.#position];
    if (next?.digest !== digest) return undefined;
    this.#position += 1;
    return next;
  }

  async #turnPage(): Promise<void> {
    await nextTurn();
    const after = this.#page.at(-1)?.digest;
    this.#page = await this.#upkeep.listBlobs({ after, limit: recordsAtOnce });
    this.#position = 0;
    this.#isLastPage = this.#page.length < recordsAtOnce;
  }
}
