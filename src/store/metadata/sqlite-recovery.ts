import { existsSync, renameSync } from "node:fs";
import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import { inMemory, type OnStatement } from "./sqlite-connection.ts";
import { isDamage, toMetadataError } from "./sqlite-errors.ts";
import { MetadataError } from "./metadata-error.ts";
import { openTables, type SqliteTables } from "./sqlite-tables.ts";

interface RecoveringTablesOptions {
  path: string;
  log: Logger;
  clock: Clock;
  /** A database found damaged in use has been replaced by an empty one. */
  onRebuilt: () => void;
  onStatement?: OnStatement | undefined;
}

/**
 * Tables that outlive their database: one found damaged is set aside and an empty one takes its
 * place, at the start as well as in the middle of a call, which is then made once more.
 */
export class RecoveringTables implements Disposable {
  readonly #options: RecoveringTablesOptions;
  /** undefined: the last one was damaged, and no other could be opened yet. */
  #tables: SqliteTables | undefined;
  #removals = 0;
  #isClosed = false;

  /** Throws NewerDatabaseError, MetadataError. */
  constructor(options: RecoveringTablesOptions) {
    this.#options = options;
    this.#tables = withMetadataErrors(() => this.#openFirst());
  }

  /** As `MetadataStore` promises. */
  get removals(): number {
    return this.#removals;
  }

  /** A step of `use` has removed something that `removals` tells of. */
  noteRemoval(): void {
    this.#removals += 1;
  }

  /** Throws MetadataError for all that SQLite and the file system say. */
  use<Result>(work: (tables: SqliteTables) => Result): Result {
    if (this.#isClosed) throw new MetadataError("failed", "metadata store is closed");
    return withMetadataErrors(() => {
      try {
        return work(this.#tables ?? this.#openAnother());
      } catch (error) {
        if (!isDamage(error)) throw error;
        this.#setAside(error);
        return work(this.#openAnother());
      }
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#close();
  }

  #openFirst(): SqliteTables {
    try {
      return this.#open();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#setAside(error);
      return this.#open();
    }
  }

  #openAnother(): SqliteTables {
    const tables = this.#open();
    this.#tables = tables;
    this.#options.onRebuilt();
    return tables;
  }

  #open(): SqliteTables {
    return openTables(this.#options.path, this.#options.onStatement);
  }

  /** Closed before it is renamed: SQLite removes the WAL by the name it once had. */
  #setAside(damage: unknown): void {
    const { path, log, clock } = this.#options;
    this.noteRemoval();
    this.#close();
    const keptAs = path === inMemory ? undefined : rename(path, clock.now());
    log.warn(
      { err: damage, path, keptAs },
      "metadata database is damaged: set aside, an empty one takes its place",
    );
  }

  #close(): void {
    this.#tables?.[Symbol.dispose]();
    this.#tables = undefined;
  }
}

function withMetadataErrors<Result>(act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw toMetadataError(error);
  }
}

/** Renames the database so that SQLite still finds its companions; says to what. */
function rename(path: string, at: number): string {
  const keptAs = findFreeName(`${path}.damaged-${new Date(at).toISOString().replaceAll(":", "-")}`);
  for (const companion of ["", "-wal", "-shm"]) {
    if (existsSync(path + companion)) renameSync(path + companion, keptAs + companion);
  }
  return keptAs;
}

function findFreeName(name: string): string {
  let free = name;
  for (let count = 2; existsSync(free); count += 1) free = `${name}-${count}`;
  return free;
}
