import type { FileHandle } from "node:fs/promises";
import type { ByteRange } from "../../oci/byte-range.ts";
import { Extents } from "./extents.ts";
import { readPartialRecord, removePartialRecord, writePartialRecord } from "./partial-record.ts";

/** How much a kill may cost in bytes to fetch again, and for how long a slow download may go unrecorded. */
const bytesBetweenRecords = 16 * 1024 * 1024;
const msBetweenRecords = 1000;

/**
 * Size and extents of a partial blob, written down from time to time. Bytes are synced before the
 * record that names them, so that after a power cut it names none that are not there.
 */
export class PartialJournal {
  readonly #path: string;
  #extents = new Extents();
  #size: number | undefined;
  #unrecordedBytes = 0;
  #recordedAt = performance.now();
  #recording: Promise<void> | undefined;
  #stopped = false;

  constructor(path: string) {
    this.#path = path;
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
    const record = await readPartialRecord(this.#path);
    const { size: fileSize } = await file.stat();
    const lastPresent = record?.extents.toArray().at(-1)?.end ?? 0;
    if (record && lastPresent <= Math.min(fileSize, record.size ?? Infinity)) {
      this.#extents = record.extents;
      this.#size = record.size;
    } else if (fileSize > 0) {
      await file.truncate(0);
    }
  }

  add(range: ByteRange, file: FileHandle): void {
    this.#extents.add(range);
    this.#unrecordedBytes += range.end - range.start;
    const isDue =
      this.#unrecordedBytes >= bytesBetweenRecords ||
      performance.now() - this.#recordedAt >= msBetweenRecords;
    // A record that cannot be written costs bytes after a kill and nothing now; writing the
    // blob's own bytes will fail next, and that is told.
    if (isDue && !this.#stopped) this.#record(file).catch(() => undefined);
  }

  /** No record is written any more once this has resolved. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#recording?.catch(() => undefined);
  }

  async remove(): Promise<void> {
    await removePartialRecord(this.#path);
  }

  /** Last record, unless there is nothing to tell. */
  async close(file: FileHandle): Promise<void> {
    await this.#recording?.catch(() => undefined);
    if (!this.#stopped && this.#unrecordedBytes > 0) {
      await this.#record(file).catch(() => undefined);
    }
    this.#stopped = true;
  }

  #record(file: FileHandle): Promise<void> {
    this.#recording ??= this.#syncAndWrite(file).finally(() => {
      this.#recording = undefined;
    });
    return this.#recording;
  }

  async #syncAndWrite(file: FileHandle): Promise<void> {
    this.#recordedAt = performance.now();
    this.#unrecordedBytes = 0;
    const extents = Extents.of(this.#extents.toArray());
    await file.datasync();
    await writePartialRecord(this.#path, { size: this.#size, extents });
  }
}
