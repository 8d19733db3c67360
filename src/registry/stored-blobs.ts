import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { digestAlgorithm, finishDigest, startDigest, type Digest } from "../oci/digest.ts";
import { StorageError, type BlobReader, type BlobStore } from "../store/blob/blob-store.ts";
import { MetadataError } from "../store/metadata/metadata-error.ts";
import type { BlobRecord, MetadataStore } from "../store/metadata/metadata-store.ts";
import type { UpkeepStore } from "../store/metadata/upkeep-store.ts";
import type { Departures } from "./departures.ts";
import { feedHash, type Pace } from "./feed-hash.ts";
import { SingleFlight } from "./single-flight.ts";
import { StoredBlobReader } from "./stored-blob-reader.ts";

interface StoredBlobsOptions {
  blobs: BlobStore;
  metadata: MetadataStore;
  upkeep: Pick<UpkeepStore, "clearCheck" | "saveCheck">;
  departures: Departures;
  clock: Clock;
  log: Logger;
  /** A blob was moved aside: it takes room in another way. */
  onMovedAside?: () => void;
}

/**
 * replaced: it was stored anew or moved aside while it was hashed, so that nothing is known of what
 * is there now. The problem follows the words "the blob": "has another digest".
 */
export type Finding =
  { kind: "sound" } | { kind: "replaced" } | { kind: "damaged"; problem: string };

interface Damage {
  problem: string;
  /** For the log. */
  fields: object;
}

interface Watch {
  readonly digest: Digest;
  isReplaced: boolean;
}

/**
 * Blobs on disk, held against their records: a file of another size is damaged, one whose record
 * was lost, or whose bytes are in doubt, is hashed before it is served.
 */
export class StoredBlobs {
  readonly #options: StoredBlobsOptions;
  readonly #checks = new SingleFlight<boolean>();
  readonly #watches = new Set<Watch>();
  #damagedCount = 0;

  constructor(options: StoredBlobsOptions) {
    this.#options = options;
  }

  /** Blobs moved aside, whoever found the damage. */
  get damagedSinceStart(): number {
    return this.#damagedCount;
  }

  /** In place, but perhaps not proof against a power cut: until `confirm` it counts as unchecked. */
  async record(digest: Digest, size: number): Promise<void> {
    const { metadata, clock } = this.#options;
    this.#noteReplaced(digest);
    await metadata.saveBlob(digest, { size, checkedAt: undefined }, clock.now());
  }

  /**
   * Its bytes are right, and there to stay. One that has gone again meanwhile gets no record back.
   */
  async confirm(digest: Digest): Promise<void> {
    const { upkeep, clock, log } = this.#options;
    try {
      await upkeep.saveCheck(digest, clock.now());
    } catch (error) {
      if (!(error instanceof MetadataError)) throw error;
      log.debug({ err: error, digest }, "that a blob is right could not be written down");
    }
  }

  /** undefined: not here, or not whole; what is damaged is moved aside. Throws StorageError. */
  async open(digest: Digest, record: BlobRecord | undefined): Promise<BlobReader | undefined> {
    try {
      return await this.#openWhole(digest, record);
    } catch (error) {
      if (error instanceof StorageError) {
        this.#options.log.warn({ err: error, digest }, "a blob on disk cannot be read");
      }
      throw error;
    }
  }

  /**
   * Hashes a blob's file, however long that takes; moves it aside when it is damaged, and forgets
   * its record. Rejects as `pace` does, and with StorageError when it cannot be moved.
   */
  async inspect(
    digest: Digest,
    reader: BlobReader,
    { expected, pace }: { expected: number; pace?: Pace },
  ): Promise<Finding> {
    const watch: Watch = { digest, isReplaced: false };
    this.#watches.add(watch);
    try {
      const damage = await findDamage(digest, reader, { expected, pace });
      if (watch.isReplaced) return { kind: "replaced" };
      if (!damage) return { kind: "sound" };
      await this.#moveAside(digest, damage);
      return { kind: "damaged", problem: damage.problem };
    } finally {
      this.#watches.delete(watch);
    }
  }

  async #openWhole(
    digest: Digest,
    record: BlobRecord | undefined,
  ): Promise<BlobReader | undefined> {
    const { blobs, metadata } = this.#options;
    const reader = await blobs.open(digest);
    if (!reader) {
      if (record) await metadata.deleteBlob(digest);
      return undefined;
    }
    await using held = new AsyncDisposableStack();
    held.use(reader);
    const isTrusted = record?.checkedAt !== undefined && record.size === reader.size;
    if (!isTrusted && !(await this.#check(digest, reader, record))) return undefined;
    held.move();
    return new StoredBlobReader(reader, (error) => this.#doubt(digest, error));
  }

  /** Once, however many ask for it meanwhile. */
  #check(digest: Digest, reader: BlobReader, record: BlobRecord | undefined): Promise<boolean> {
    return this.#checks.run(digest, async () => {
      const { size } = reader;
      const finding = await this.inspect(digest, reader, { expected: record?.size ?? size });
      if (finding.kind !== "sound") return false;
      if (!record) await this.#adopt(digest);
      await this.confirm(digest);
      return true;
    });
  }

  /** A file that lost its record, unless it has gone meanwhile. */
  async #adopt(digest: Digest): Promise<void> {
    const { blobs, metadata, departures, clock } = this.#options;
    await departures.during([digest], async (marked) => {
      const found = marked.has(digest) ? await blobs.stat(digest) : undefined;
      if (found) await metadata.addFoundBlob(digest, found.size, clock.now());
    });
  }

  /** The file may be another one by now, so the next request has to look. */
  async #doubt(digest: Digest, error: StorageError): Promise<void> {
    const { upkeep, log } = this.#options;
    log.warn({ err: error, digest }, "a blob on disk cannot be read to its end");
    try {
      await upkeep.clearCheck(digest);
    } catch (cause) {
      log.warn({ err: cause, digest }, "that a blob is in doubt could not be written down");
    }
  }

  /** Nobody else may be doing so, or have put another file in its place. */
  async #moveAside(digest: Digest, damage: Damage): Promise<void> {
    await this.#options.departures.during([digest], async (marked) => {
      if (marked.has(digest)) await this.#quarantine(digest, damage);
    });
    this.#noteReplaced(digest);
    this.#options.onMovedAside?.();
  }

  /** The record goes first: a file without one is hashed before it is served. */
  async #quarantine(digest: Digest, { problem, fields }: Damage): Promise<void> {
    const { blobs, metadata, log } = this.#options;
    this.#damagedCount += 1;
    log.warn(
      { digest, ...fields },
      `a blob on disk ${problem}; it is moved aside, and fetched again when it is asked for`,
    );
    await metadata.deleteBlob(digest);
    try {
      await blobs.quarantine(digest);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      log.warn({ err: error, digest }, "a damaged blob cannot be moved aside; it is deleted");
      await blobs.delete(digest);
    }
  }

  #noteReplaced(digest: Digest): void {
    for (const watch of this.#watches) if (watch.digest === digest) watch.isReplaced = true;
  }
}

async function findDamage(
  digest: Digest,
  reader: BlobReader,
  { expected, pace }: { expected: number; pace: Pace | undefined },
): Promise<Damage | undefined> {
  if (reader.size !== expected) {
    return { problem: "has the wrong size", fields: { expected, found: reader.size } };
  }
  const algorithm = digestAlgorithm(digest);
  const hash = startDigest(algorithm);
  try {
    await feedHash(hash, reader, expected, pace);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { problem: "cannot be read", fields: { err: error } };
  }
  const found = finishDigest(hash, algorithm);
  return found === digest ? undefined : { problem: "has another digest", fields: { found } };
}
