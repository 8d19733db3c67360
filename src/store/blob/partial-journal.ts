import type { FileHandle } from "node:fs/promises";
import type { ByteRange } from "../../oci/byte-range.ts";
import { Extents } from "./extents.ts";
import {
  isBorneOut,
  readPartialRecord,
  removePartialRecord,
  writePartialRecord,
} from "./partial-record.ts";

/** How much a kill may cost in bytes to fetch again, and for how long a slow download may go unrecorded. */
const bytesBetweenRecords = 16 * 1024 * 1024;
const msBetweenRecords = 1000;

/**
 * Size and extents of a partial blob, written down from time to time. A record outlives the process
 * at once, and the machine's next start only if the bytes it names were synced before: that is done
 * at the end alone, as syncing along the way would halve the speed of a disk.
 */
export class PartialJournal {
  readonly #path: string;
  readonly #bootId: string;
  #extents = new Extents();
  #size: number | undefined;
  #unrecordedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #recording: Promise<void> | undefined;
  #stopped = false;

  constructor(path: string, bootId: string) {
    this.#path = path;
    this.#bootId = bootId;
  }

  get extents(): Extents {
    return this.#extents;
  }

  get size(): number | undefined {
    return this.#size;
  }

  set size(size: number) {
    this.#size = size;
  }

  /** Takes up what an earlier run recorded, if the file bears it out; empties the file otherwise. */
  async load(file: FileHandle): Promise<void> {
    const [record, { size: fileSize }] = await Promise.all([
      readPartialRecord(this.#path),
      file.stat(),
    ]);
    if (record && isBorneOut(record, { fileSize, bootId: this.#bootId })) {
      this.#extents = record.extents;
      this.#size = record.size;
    } else if (fileSize > 0) {
      await file.truncate(0);
    }
  }

  add(range: ByteRange): void {
    this.#extents.add(range);
    this.#unrecordedBytes += range.end - range.start;
    this.#schedule();
  }

  /** No record is written any more once this has resolved. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#recording;
  }

  async remove(): Promise<void> {
    await removePartialRecord(this.#path);
  }

  /** Last record, which holds across a restart of the machine; none where it was stopped before. */
  async close(file: FileHandle): Promise<void> {
    if (this.#stopped) return;
    await this.stop();
    if (this.#extents.total > 0) await this.#recordSynced(file).catch(() => undefined);
  }

  #schedule(): void {
    if (this.#stopped) return;
    if (this.#unrecordedBytes >= bytesBetweenRecords) this.#recordOnTheWay();
    else this.#timer ??= setTimeout(() => this.#recordOnTheWay(), msBetweenRecords).unref();
  }

  /**
   * A record that cannot be written costs bytes after a kill and nothing now; writing the blob's
   * own bytes will fail next, and that is told.
   */
  #recordOnTheWay(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#recording ??= this.#write(this.#bootId)
      .catch(() => undefined)
      .finally(() => {
        this.#recording = undefined;
        if (this.#unrecordedBytes > 0) this.#schedule();
      });
  }

  async #recordSynced(file: FileHandle): Promise<void> {
    await file.datasync();
    await this.#write(undefined);
  }

  async #write(bootId: string | undefined): Promise<void> {
    this.#unrecordedBytes = 0;
    await writePartialRecord(this.#path, { size: this.#size, extents: this.#extents, bootId });
  }
}
