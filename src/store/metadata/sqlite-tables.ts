import type { Database } from "better-sqlite3";
import { SqliteBlobs } from "./sqlite-blobs.ts";
import { SqliteChecks } from "./sqlite-checks.ts";
import { openConnection, type OnStatement } from "./sqlite-connection.ts";
import { SqliteEviction } from "./sqlite-eviction.ts";
import { SqliteInventory } from "./sqlite-inventory.ts";
import { SqliteLinks } from "./sqlite-links.ts";
import { SqliteManifests } from "./sqlite-manifests.ts";
import { SqlitePendingWork } from "./sqlite-pending-work.ts";
import { SqlitePins } from "./sqlite-pins.ts";
import { SqliteReferences } from "./sqlite-references.ts";
import { SqliteRemoval } from "./sqlite-removal.ts";
import { SqliteRepositories } from "./sqlite-repositories.ts";
import { SqliteStandings } from "./sqlite-standings.ts";
import { SqliteTags } from "./sqlite-tags.ts";
import { SqliteTraffic } from "./sqlite-traffic.ts";
import { SqliteUsage } from "./sqlite-usage.ts";
import { SqliteUseOrder } from "./sqlite-use-order.ts";

/** One open database, its statements prepared. */
export interface SqliteTables extends Disposable {
  readonly tags: SqliteTags;
  readonly manifests: SqliteManifests;
  readonly blobs: SqliteBlobs;
  readonly links: SqliteLinks;
  readonly usage: SqliteUsage;
  readonly useOrder: SqliteUseOrder;
  readonly standings: SqliteStandings;
  readonly eviction: SqliteEviction;
  readonly checks: SqliteChecks;
  readonly pins: SqlitePins;
  readonly inventory: SqliteInventory;
  readonly removal: SqliteRemoval;
  readonly traffic: SqliteTraffic;
  readonly pendingWork: SqlitePendingWork;
}

/** Throws as `openConnection` does. */
export function openTables(path: string, onStatement?: OnStatement): SqliteTables {
  const database = openConnection(path, onStatement);
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
  const references = new SqliteReferences(database);
  return {
    tags: new SqliteTags(database, repositories),
    manifests: new SqliteManifests(database, { links, references }),
    blobs: new SqliteBlobs(database),
    links,
    usage: new SqliteUsage(database),
    useOrder: new SqliteUseOrder(database),
    standings: new SqliteStandings(database),
    eviction: new SqliteEviction(database, references),
    checks: new SqliteChecks(database),
    pins: new SqlitePins(database, repositories),
    inventory: new SqliteInventory(database, repositories),
    removal: new SqliteRemoval(database, repositories),
    traffic: new SqliteTraffic(database, repositories),
    pendingWork: new SqlitePendingWork(database),
    // As the last connection, it writes the WAL back into the database and removes it.
    [Symbol.dispose]: () => void database.close(),
  };
}
