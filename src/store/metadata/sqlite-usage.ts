import type { Database, Statement, Transaction } from "better-sqlite3";
import { asDigest, type Digest } from "../../oci/digest.ts";
import type { Use } from "./use-walk.ts";

const findSql = `
  SELECT max(used_at) FROM (
    SELECT used_at FROM blobs WHERE digest = ?
    UNION ALL
    SELECT used_at FROM manifests WHERE digest = ?
  )`;

/** What a manifest refers to, and its referrers. */
const findBelowSql = `
  SELECT digest FROM manifest_references WHERE manifest = @digest
  UNION ALL
  SELECT digest FROM manifests WHERE subject = @digest`;

export class SqliteUsage {
  readonly #find: Statement<[string, string], number | null>;
  readonly #record: Transaction<(uses: readonly Use[]) => Use[]>;

  constructor(database: Database) {
    this.#find = database.prepare<[string, string], number | null>(findSql).pluck();
    const findBelow = database.prepare<{ digest: Digest }, string>(findBelowSql).pluck();
    const updates = ["blobs", "manifests"].map((table) =>
      database.prepare<Use>(
        `UPDATE ${table} SET used_at = @at WHERE digest = @digest AND used_at < @at`,
      ),
    );
    this.#record = database.transaction((uses) =>
      uses.flatMap(({ digest, at }) => {
        for (const update of updates) update.run({ digest, at });
        return findBelow.all({ digest }).flatMap((below) => toUse(below, at));
      }),
    );
  }

  /** Says what is used along with them, one step further down. */
  record(uses: readonly Use[]): Use[] {
    return this.#record.immediate(uses);
  }

  findLast(digest: Digest): number | undefined {
    return this.#find.get(digest, digest) ?? undefined;
  }
}

function toUse(text: string, at: number): Use[] {
  const digest = asDigest(text);
  return digest === undefined ? [] : [{ digest, at }];
}
