import type { Database, Statement, Transaction } from "better-sqlite3";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import { ofRepository, type SqliteRepositories } from "./sqlite-repositories.ts";

interface LinkParameters {
  repository: number;
  digest: Digest;
  size: number | null;
  at: number;
}

/** A link without a size leaves the described size of an earlier one alone. */
const saveSql = `
  INSERT INTO links (repository_id, digest, described_size, created_at)
  VALUES (@repository, @digest, @size, @at)
  ON CONFLICT DO UPDATE SET described_size = excluded.described_size
  WHERE excluded.described_size IS NOT NULL AND excluded.described_size IS NOT described_size`;

/** Whether a repository has a link: a column for those who look up the content as well. */
export const isLinkedSql = `EXISTS (SELECT 1 FROM links WHERE ${ofRepository} AND digest = ?)`;

const findSizeSql = `SELECT described_size FROM links WHERE ${ofRepository} AND digest = ?`;

export class SqliteLinks {
  readonly #repositories: SqliteRepositories;
  readonly #save: Statement<[LinkParameters]>;
  readonly #findSize: Statement<[string, string], number | null>;
  readonly #link: Transaction<(repository: QualifiedName, digest: Digest, at: number) => void>;

  constructor(database: Database, repositories: SqliteRepositories) {
    this.#repositories = repositories;
    this.#save = database.prepare(saveSql);
    this.#findSize = database.prepare<[string, string], number | null>(findSizeSql).pluck();
    this.#link = database.transaction((repository, digest, at) => {
      this.#save.run({ repository: repositories.ensure(repository), digest, size: null, at });
    });
  }

  add(repository: QualifiedName, digest: Digest, at: number): void {
    this.#link.immediate(repository, digest, at);
  }

  findDescribedSize(repository: QualifiedName, digest: Digest): number | undefined {
    return this.#findSize.get(repository, digest) ?? undefined;
  }

  /** A manifest and what it refers to; within the caller's transaction. */
  addWithReferences(
    repository: QualifiedName,
    digest: Digest,
    references: readonly Descriptor[],
    at: number,
  ): void {
    const id = this.#repositories.ensure(repository);
    this.#save.run({ repository: id, digest, size: null, at });
    for (const reference of references) {
      this.#save.run({ repository: id, digest: reference.digest, size: reference.size, at });
    }
  }
}
