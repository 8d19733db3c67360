import type { Database } from "better-sqlite3";
import { SqliteBlobs } from "./sqlite-blobs.ts";
import { openConnection } from "./sqlite-connection.ts";
import { SqliteLinks } from "./sqlite-links.ts";
import { SqliteManifests } from "./sqlite-manifests.ts";
import { SqlitePendingWork } from "./sqlite-pending-work.ts";
import { SqliteRepositories } from "./sqlite-repositories.ts";
import { SqliteTags } from "./sqlite-tags.ts";
import { SqliteUsage } from "./sqlite-usage.ts";

/** One open database, its statements prepared. */
export interface SqliteTables extends Disposable {
  readonly tags: SqliteTags;
  readonly manifests: SqliteManifests;
  readonly blobs: SqliteBlobs;
  readonly links: SqliteLinks;
  readonly usage: SqliteUsage;
  readonly pendingWork: SqlitePendingWork;
}

/** Throws as `openConnection` does. */
export function openTables(path: string): SqliteTables {
  const database = openConnection(path);
  try {
    return prepareTables(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepareTables(database: Database): SqliteTables {
  const repositories = new SqliteRepositories(database);
  const links = new SqliteLinks(database, repositories);
  return {
    tags: new SqliteTags(database, repositories),
    manifests: new SqliteManifests(database, links),
    blobs: new SqliteBlobs(database, links),
    links,
    usage: new SqliteUsage(database),
    pendingWork: new SqlitePendingWork(database),
    // As the last connection, it writes the WAL back into the database and removes it.
    [Symbol.dispose]: () => void database.close(),
  };
}
