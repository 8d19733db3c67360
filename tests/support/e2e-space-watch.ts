import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Bytes on the disk, by what they are of. */
type StoredBytes = Map<string, number>;

const DIRECTORIES = ["blobs", "partial", "quarantine"];
const DATABASE_FILES = ["metadata.db", "metadata.db-wal", "metadata.db-shm"];
const PAUSE_MS = 10;

/**
 * What counts against the limit: whole blobs, partial ones and quarantine. A blob that is moved
 * into place while this looks counts once.
 */
export async function measureStored(storage: string): Promise<StoredBytes> {
  const found: StoredBytes = new Map();
  for (const directory of DIRECTORIES) {
    const root = join(storage, directory);
    const paths = await readdir(root, { recursive: true }).catch(() => []);
    for (const path of paths) {
      const bytes = await measureFile(join(root, path));
      const digest = /[0-9a-f]{64}$/.exec(path)?.[0];
      if (bytes > 0) found.set(digest ?? join(directory, path), bytes);
    }
  }
  return found;
}

export function sumBytes(stored: StoredBytes): number {
  return [...stored.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Those of a file with holes are fewer than its size. */
async function measureFile(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? Math.min(found.size, found.blocks * 512) : 0;
}

/** Looks at a storage on a disk of its own, again and again until it is stopped. */
export class SpaceWatch {
  /** The most that was there at one time, as far as two looks in a row both saw it. */
  peakBytes = 0;
  /** The most that was taken on the disk, without the database; also by files that only a reader holds. */
  peakBytesOnDisk = 0;
  /** Of blobs, whole or partial. */
  readonly seen = new Set<string>();
  readonly #storage: string;
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;

  constructor(storage: string) {
    this.#storage = storage;
    this.#watching = this.#watch();
    this.#watching.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    let before: StoredBytes = new Map();
    while (!this.#stop.signal.aborted) {
      const now = await measureStored(this.#storage);
      for (const digest of now.keys()) this.seen.add(digest);
      this.peakBytes = Math.max(this.peakBytes, sumBytes(common(before, now)));
      this.peakBytesOnDisk = Math.max(this.peakBytesOnDisk, await this.#measureDisk());
      before = now;
      await delay(PAUSE_MS);
    }
  }

  async #measureDisk(): Promise<number> {
    const files = DATABASE_FILES.map((name) => measureFile(join(this.#storage, name)));
    const database = await Promise.all(files);
    const { blocks, bfree, bsize } = await statfs(this.#storage);
    return (blocks - bfree) * bsize - database.reduce((sum, bytes) => sum + bytes, 0);
  }
}

/** A file that both saw was there all the time between, with no fewer bytes than it had first. */
function common(before: StoredBytes, now: StoredBytes): StoredBytes {
  const both = [...before].filter(([key]) => now.has(key));
  return new Map(both.map(([key, bytes]) => [key, Math.min(bytes, now.get(key) ?? 0)]));
}
