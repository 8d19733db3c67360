import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import SqliteDatabase, { type Database } from "better-sqlite3";
import { checkIsOurs, migrate } from "./sqlite-migrations.ts";

export const inMemory = ":memory:";

/** Told of each statement before it runs, with its values: for whoever counts them. */
export type OnStatement = (sql: string) => void;

/** How long a start waits for a predecessor that is still going down; nothing else runs meanwhile. */
const busyTimeoutMs = 1000;

/**
 * Opens or creates the database and brings its schema up to date. Throws what SQLite or the file
 * system says, NewerDatabaseError, or ForeignDatabaseError.
 */
export function openConnection(path: string, onStatement?: OnStatement): Database {
  if (path !== inMemory) checkIsWritable(path);
  const database = new SqliteDatabase(path, {
    timeout: busyTimeoutMs,
    ...(onStatement && { verbose: (sql) => onStatement(String(sql)) }),
  });
  try {
    lockForUs(database);
    checkIsOurs(database);
    configure(database);
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Says EROFS or EACCES, where SQLite would say that it cannot open or cannot lock. */
function checkIsWritable(path: string): void {
  accessSync(dirname(path), constants.W_OK);
  if (existsSync(path)) accessSync(path, constants.W_OK);
}

/**
 * Two servers on one storage would tear each other's files apart. Set before anything is read, it
 * also keeps the WAL's index in memory: in a file, it could not be made on a full disk, and nothing
 * cached could be served after a restart there. https://www.sqlite.org/wal.html#noshm
 */
function lockForUs(database: Database): void {
  database.pragma("locking_mode = EXCLUSIVE");
}

/**
 * With synchronous = NORMAL a commit survives the end of the process, kill -9 included. A power cut
 * may take the last transactions along but never damages the file; all we keep can be asked of
 * upstream again, so an fsync a commit would buy nothing.
 */
function configure(database: Database): void {
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = NORMAL");
  database.pragma("foreign_keys = ON");
}
