import type { Database, Statement } from "better-sqlite3";

/** As the schema's first step writes it into every new database. */
type WorkName = "record stored blobs";

/** Work that is begun again after a kill. */
export class SqlitePendingWork {
  readonly #find: Statement<[WorkName]>;
  readonly #delete: Statement<[WorkName]>;

  constructor(database: Database) {
    this.#find = database.prepare("SELECT 1 FROM pending_work WHERE name = ?");
    this.#delete = database.prepare("DELETE FROM pending_work WHERE name = ?");
  }

  has(name: WorkName): boolean {
    return this.#find.get(name) !== undefined;
  }

  finish(name: WorkName): void {
    this.#delete.run(name);
  }
}
