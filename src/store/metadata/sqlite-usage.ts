import type { Database, Statement, Transaction } from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";

const findSql = `
  SELECT max(used_at) FROM (
    SELECT used_at FROM blobs WHERE digest = ?
    UNION ALL
    SELECT used_at FROM manifests WHERE digest = ?
  )`;

export class SqliteUsage {
  readonly #find: Statement<[string, string], number | null>;
  readonly #record: Transaction<(uses: ReadonlyMap<Digest, number>) => void>;

  constructor(database: Database) {
    this.#find = database.prepare<[string, string], number | null>(findSql).pluck();
    const updates = ["blobs", "manifests"].map((table) =>
      database.prepare<{ digest: Digest; at: number }>(
        `UPDATE ${table} SET used_at = @at WHERE digest = @digest AND used_at < @at`,
      ),
    );
    this.#record = database.transaction((uses) => {
      for (const [digest, at] of uses) {
        for (const update of updates) update.run({ digest, at });
      }
    });
  }

  record(uses: ReadonlyMap<Digest, number>): void {
    if (uses.size > 0) this.#record.immediate(uses);
  }

  findLast(digest: Digest): number | undefined {
    return this.#find.get(digest, digest) ?? undefined;
  }
}
