import type { Database, Statement, Transaction } from "better-sqlite3";
import { asDigest, type Digest } from "../../oci/digest.ts";
import { isTag, type Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { TagRecord } from "./metadata-store.ts";
import { ofRepository, type SqliteRepositories } from "./sqlite-repositories.ts";

interface TagRow {
  digest: string;
  checkedAt: number;
  changedAt: number;
}

const findSql = `
  SELECT digest, checked_at AS checkedAt, changed_at AS changedAt
  FROM tags WHERE ${ofRepository} AND tag = ?`;

const saveSql = `
  INSERT INTO tags (repository_id, tag, digest, checked_at, changed_at)
  VALUES (@repository, @tag, @digest, @at, @at)
  ON CONFLICT DO UPDATE SET
    changed_at = iif(digest = excluded.digest, changed_at, excluded.changed_at),
    checked_at = excluded.checked_at,
    digest = excluded.digest`;

const deleteSql = `DELETE FROM tags WHERE ${ofRepository} AND tag = ?`;

const listSql = `SELECT tag FROM tags WHERE ${ofRepository} AND tag > ? ORDER BY tag LIMIT ?`;

export class SqliteTags {
  readonly #find: Statement<[string, string], TagRow>;
  readonly #delete: Statement<[string, string]>;
  readonly #list: Statement<[string, string, number], string>;
  readonly #save: Transaction<
    (repository: QualifiedName, tag: Tag, digest: Digest, at: number) => void
  >;

  constructor(database: Database, repositories: SqliteRepositories) {
    this.#find = database.prepare(findSql);
    this.#delete = database.prepare(deleteSql);
    this.#list = database.prepare<[string, string, number], string>(listSql).pluck();
    const save = database.prepare(saveSql);
    this.#save = database.transaction((repository, tag, digest, at) => {
      save.run({ repository: repositories.ensure(repository), tag, digest, at });
    });
  }

  find(repository: QualifiedName, tag: Tag): TagRecord | undefined {
    const row = this.#find.get(repository, tag);
    const digest = asDigest(row?.digest);
    return row && digest && { digest, checkedAt: row.checkedAt, changedAt: row.changedAt };
  }

  save(repository: QualifiedName, tag: Tag, digest: Digest, at: number): void {
    this.#save.immediate(repository, tag, digest, at);
  }

  /** false: there was none. */
  delete(repository: QualifiedName, tag: Tag): boolean {
    return this.#delete.run(repository, tag).changes === 1;
  }

  list(repository: QualifiedName, page: { after?: string; limit: number }): Tag[] {
    return this.#list.all(repository, page.after ?? "", page.limit).filter(isTag);
  }
}
