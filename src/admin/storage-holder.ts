import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { z } from "zod";

const holderSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** Milliseconds since 1970; `Date` has none beyond. */
  startedAt: z.number().min(0).max(8.64e15),
  /** `entrepot serve` */
  command: z.string(),
  /** Where it serves, once it does. */
  url: z.string().exactOptional(),
});

type Holder = z.infer<typeof holderSchema>;

interface AnnounceOptions {
  /** Of the storage. */
  path: string;
  startedAt: number;
  command: string;
  log: Logger;
}

/**
 * Says for people who holds a storage, in a file of it. Only the lock of the database decides who
 * does: what cannot be written or was left behind misleads nobody.
 */
export class StorageHolder implements AsyncDisposable {
  readonly #file: string;
  readonly #log: Logger;
  #holder: Holder;

  private constructor({ path, startedAt, command, log }: AnnounceOptions) {
    this.#file = fileOf(path);
    this.#log = log;
    this.#holder = { pid: process.pid, host: hostname(), startedAt, command };
  }

  /** Only for whoever holds the storage. */
  static async announce(options: AnnounceOptions): Promise<StorageHolder> {
    const holder = new StorageHolder(options);
    await holder.#write();
    return holder;
  }

  async noteUrl(url: string): Promise<void> {
    this.#holder = { ...this.#holder, url };
    await this.#write();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tolerate(() => rm(this.#file, { force: true }));
  }

  /** At once in full or not at all: somebody may be reading. */
  async #write(): Promise<void> {
    const draft = `${this.#file}.new`;
    await this.#tolerate(async () => {
      await writeFile(draft, `${JSON.stringify(this.#holder)}\n`);
      await rename(draft, this.#file);
    });
  }

  async #tolerate(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.#log.warn({ err: error }, "cannot write down who holds the storage");
    }
  }
}

/**
 * Who holds the storage at `path`, for the text of an error: `process 4711 on build-7 (entrepot
 * serve, since 2026-03-01T12:00:00Z, http://0.0.0.0:5000)`. undefined: nothing tells, or what does
 * is of a process that has ended.
 */
export async function describeHolder(path: string): Promise<string | undefined> {
  const holder = await readHolder(path);
  if (!holder) return undefined;
  const { pid, host, startedAt, command, url } = holder;
  const since = `since ${new Date(startedAt).toISOString().replace(/\.\d+Z$/, "Z")}`;
  const facts = [command, since, ...(url === undefined ? [] : [url])].join(", ");
  // Whether a process of another host or container still runs cannot be seen from here.
  if (host !== hostname()) return `perhaps process ${pid} on ${host} (${facts})`;
  return isAlive(pid) ? `process ${pid} on ${host} (${facts})` : undefined;
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(fileOf(path), "utf8")));
  } catch {
    return undefined;
  }
}

function fileOf(path: string): string {
  return join(path, "server.json");
}

/** EPERM: there is such a process, of another user. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return Error.isError(error) && "code" in error && error.code === "EPERM";
  }
}
