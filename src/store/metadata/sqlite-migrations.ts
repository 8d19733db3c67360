import type { Database } from "better-sqlite3";
import { ForeignDatabaseError } from "./sqlite-errors.ts";
import { migrations } from "./sqlite-schema.ts";

/** "entr": tells our file from any other SQLite database. */
const applicationId = 0x656e7472;

/** The database was last used by a later release, whose schema this one cannot know. */
export class NewerDatabaseError extends Error {
  override readonly name = "NewerDatabaseError";
  readonly found: number;
  readonly supported: number;

  constructor(path: string, found: number, supported: number) {
    super(
      `${path} has version ${found} of the metadata schema, this entrepot knows up to ${supported}: ` +
        "use the newer entrepot, or move the file away to begin with an empty one",
    );
    this.found = found;
    this.supported = supported;
  }
}

/**
 * Throws NewerDatabaseError or ForeignDatabaseError on a database that is not for us. Writes
 * nothing, so that a refused database stays as it was.
 */
export function checkIsOurs(database: Database): void {
  const version = readVersion(database);
  const id = database.pragma("application_id", { simple: true });
  if (id !== applicationId && !isEmpty(database)) {
    throw new ForeignDatabaseError("database belongs to another application");
  }
  if (version > migrations.length) {
    throw new NewerDatabaseError(database.name, version, migrations.length);
  }
}

/** Brings the schema up to date, each step in a transaction of its own. */
export function migrate(database: Database): void {
  for (const [index, sql] of migrations.entries()) {
    const version = index + 1;
    if (version <= readVersion(database)) continue;
    database
      .transaction(() => {
        database.exec(sql);
        database.pragma(`application_id = ${applicationId}`);
        database.pragma(`user_version = ${version}`);
      })
      .immediate();
  }
}

function readVersion(database: Database): number {
  return Number(database.pragma("user_version", { simple: true }));
}

function isEmpty(database: Database): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
}
