import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pino } from "pino";
import type { Digest } from "../../src/oci/digest.ts";
import { Departures } from "../../src/registry/departures.ts";
import { StoredBlobs } from "../../src/registry/stored-blobs.ts";
import { BlobExaminer } from "../../src/registry/upkeep/blob-examiner.ts";
import { DiskBlobStore } from "../../src/store/blob/disk-blob-store.ts";
import type { Leftover } from "../../src/store/blob/blob-store.ts";
import type { InventoryStore } from "../../src/store/metadata/inventory-store.ts";
import { SqliteMetadataStore } from "../../src/store/metadata/sqlite-metadata-store.ts";
import type { StoredBlob, UpkeepStore } from "../../src/store/metadata/upkeep-store.ts";
import type { TestBlob } from "./images.ts";
import { SteppedClock } from "./stepped-clock.ts";
import { blobFile } from "./storage-files.ts";
import { makeTempDir } from "./temp-dir.ts";
import type { LogLine } from "./test-mirror.ts";

/** The parts that look after a storage, on a real disk, with time that stands still. */
export class StorageParts implements AsyncDisposable {
  readonly clock = new SteppedClock();
  readonly logLines: LogLine[] = [];
  readonly log = pino(
    { level: "debug", formatters: { level: (level) => ({ level }) } },
    { write: (line) => void this.logLines.push(JSON.parse(line)) },
  );
  readonly departures = new Departures();
  readonly path: string;
  readonly blobs: DiskBlobStore;
  readonly metadata: SqliteMetadataStore;
  readonly upkeep: UpkeepStore;
  readonly inventory: InventoryStore;
  readonly stored: StoredBlobs;
  readonly examiner: BlobExaminer;
  readonly #held: AsyncDisposableStack;

  private constructor(
    path: string,
    blobs: DiskBlobStore,
    metadata: SqliteMetadataStore,
    held: AsyncDisposableStack,
  ) {
    this.path = path;
    this.blobs = held.use(blobs);
    this.metadata = held.use(metadata);
    this.upkeep = metadata.upkeep;
    this.inventory = metadata.inventory;
    this.stored = new StoredBlobs(this);
    this.examiner = new BlobExaminer(this);
    this.#held = held;
  }

  /** With a database that knows of no blob, and has none to record. */
  static async start(): Promise<StorageParts> {
    await using starting = new AsyncDisposableStack();
    const { path } = starting.use(await makeTempDir());
    const blobs = DiskBlobStore.at(path);
    await blobs.prepare();
    const log = pino({ level: "silent" });
    const metadata = await SqliteMetadataStore.open({ path: join(path, "metadata.db"), log });
    await metadata.finishRebuild();
    return new StorageParts(path, blobs, metadata, starting.move());
  }

  /** As a download leaves it. */
  async add({ digest, bytes }: TestBlob, checkedAt: number | undefined): Promise<void> {
    await this.addFile(digest, bytes);
    await this.metadata.saveBlob(digest, { size: bytes.length, checkedAt }, this.clock.now());
  }

  async addFile(digest: Digest, bytes: Uint8Array): Promise<void> {
    const file = blobFile(this.path, digest);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }

  async listRecords(): Promise<StoredBlob[]> {
    return this.upkeep.listBlobs({ limit: 100_000 });
  }

  async listLeftovers(): Promise<Pick<Leftover, "kind" | "digest">[]> {
    const found: Pick<Leftover, "kind" | "digest">[] = [];
    for await (const { kind, digest } of this.blobs.listLeftovers()) found.push({ kind, digest });
    return found;
  }

  /** Digests of blobs in the order in which they are opened from now on. */
  watchOpened(): Digest[] {
    const opened: Digest[] = [];
    const open = this.blobs.open.bind(this.blobs);
    this.blobs.open = (digest) => {
      opened.push(digest);
      return open(digest);
    };
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }
}
