import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { digestAlgorithm, finishDigest, startDigest, type Digest } from "../oci/digest.ts";
import { StorageError, type BlobReader, type BlobStore } from "../store/blob/blob-store.ts";
import type { BlobRecord, MetadataStore } from "../store/metadata/metadata-store.ts";
import { feedHash } from "./feed-hash.ts";
import { SingleFlight } from "./single-flight.ts";

/**
 * Blobs on disk, held against their records: a file of another size is damaged, one whose record
 * was lost is hashed before it is served.
 */
export class StoredBlobs {
  readonly #blobs: BlobStore;
  readonly #metadata: MetadataStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #checks = new SingleFlight<boolean>();

  constructor(options: { blobs: BlobStore; metadata: MetadataStore; clock: Clock; log: Logger }) {
    this.#blobs = options.blobs;
    this.#metadata = options.metadata;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** One that is not proof against a power cut yet counts as unchecked. */
  async record(digest: Digest, size: number, { isDurable }: { isDurable: boolean }): Promise<void> {
    const now = this.#clock.now();
    await this.#metadata.saveBlob(digest, { size, checkedAt: isDurable ? now : undefined }, now);
  }

  /** undefined: not here, or not whole; what is damaged is removed. Throws StorageError. */
  async open(digest: Digest, record: BlobRecord | undefined): Promise<BlobReader | undefined> {
    try {
      return await this.#openWhole(digest, record);
    } catch (error) {
      if (error instanceof StorageError) {
        this.#log.warn({ err: error, digest }, "a blob on disk cannot be read");
      }
      throw error;
    }
  }

  async #openWhole(
    digest: Digest,
    record: BlobRecord | undefined,
  ): Promise<BlobReader | undefined> {
    const reader = await this.#blobs.open(digest);
    if (!reader) {
      if (record) await this.#metadata.deleteBlob(digest);
      return undefined;
    }
    await using held = new AsyncDisposableStack();
    held.use(reader);
    if (record && reader.size !== record.size) {
      const sizes = { expected: record.size, found: reader.size };
      return await this.#remove(digest, sizes, "has the wrong size");
    }
    const isChecked =
      record?.checkedAt !== undefined ||
      (await this.#checks.run(digest, () => this.#check(digest, reader)));
    if (!isChecked) return await this.#remove(digest, {}, "has another digest");
    held.move();
    return reader;
  }

  async #check(digest: Digest, reader: BlobReader): Promise<boolean> {
    const algorithm = digestAlgorithm(digest);
    const hash = startDigest(algorithm);
    await feedHash(hash, reader, reader.size);
    if (finishDigest(hash, algorithm) !== digest) return false;
    await this.record(digest, reader.size, { isDurable: true });
    return true;
  }

  async #remove(digest: Digest, fields: object, what: string): Promise<undefined> {
    this.#log.warn({ digest, ...fields }, `a blob on disk ${what}; it is fetched again`);
    await this.#metadata.deleteBlob(digest);
    await this.#blobs.delete(digest);
  }
}
