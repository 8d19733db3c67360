import type { Database, Statement } from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { BlobRecord, Holding } from "./metadata-store.ts";
import { isLinkedSql } from "./sqlite-links.ts";

interface BlobRow {
  linked: number;
  /** null: there is no record. */
  size: number | null;
  checkedAt: number | null;
}

interface BlobParameters {
  digest: Digest;
  size: number;
  checkedAt: number | null;
  at: number;
}

const findSql = `
  SELECT ${isLinkedSql} AS linked, size, checked_at AS checkedAt
  FROM (SELECT ? AS wanted) LEFT JOIN blobs ON digest = wanted`;

const insertSql = `
  INSERT INTO blobs (digest, size, checked_at, created_at, used_at)
  VALUES (@digest, @size, @checkedAt, @at, @at)`;

const replaceSql = `
  ${insertSql}
  ON CONFLICT DO UPDATE SET
    size = excluded.size,
    checked_at = excluded.checked_at,
    used_at = max(used_at, excluded.used_at)`;

export class SqliteBlobs {
  readonly #find: Statement<[string, string, string], BlobRow>;
  readonly #replace: Statement<[BlobParameters]>;
  readonly #addMissing: Statement<[BlobParameters]>;
  readonly #delete: Statement<[string]>;

  constructor(database: Database) {
    this.#find = database.prepare(findSql);
    this.#replace = database.prepare(replaceSql);
    this.#addMissing = database.prepare(`${insertSql} ON CONFLICT DO NOTHING`);
    this.#delete = database.prepare("DELETE FROM blobs WHERE digest = ?");
  }

  find(repository: QualifiedName, digest: Digest): Holding<BlobRecord> {
    const { linked = 0, size = null, checkedAt } = this.#find.get(repository, digest, digest) ?? {};
    const content = size === null ? undefined : { size, checkedAt: checkedAt ?? undefined };
    return { linked: linked === 1, content };
  }

  save(digest: Digest, { size, checkedAt }: BlobRecord, at: number): void {
    this.#replace.run({ digest, size, checkedAt: checkedAt ?? null, at });
  }

  /** false: there is a record already, and it stays. */
  addFound(digest: Digest, size: number, at: number): boolean {
    return this.#addMissing.run({ digest, size, checkedAt: null, at }).changes === 1;
  }

  delete(digest: Digest): void {
    this.#delete.run(digest);
  }
}
