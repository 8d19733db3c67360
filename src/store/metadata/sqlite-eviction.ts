import type { Database, Statement, Transaction } from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import type { SqliteReferences } from "./sqlite-references.ts";
import type { UseCursor } from "./upkeep-store.ts";

/** Links to what is neither here nor referred to by what is here. */
export const unlinkSql = `
  DELETE FROM links WHERE digest = @digest
  AND NOT EXISTS (SELECT 1 FROM manifest_references WHERE digest = @digest)
  AND NOT EXISTS (SELECT 1 FROM blobs WHERE digest = @digest)
  AND NOT EXISTS (SELECT 1 FROM manifests WHERE digest = @digest)`;

/** Forgets what is unused, unless it was used after all since it was looked at. */
export class SqliteEviction {
  readonly #references: SqliteReferences;
  readonly #deleteTags: Statement<[string]>;
  readonly #unlink: Statement<[{ digest: string }]>;
  readonly #removeBlobs: Transaction<(unused: readonly UseCursor[]) => Digest[]>;
  readonly #removeManifests: Transaction<(unused: readonly UseCursor[]) => Digest[]>;

  constructor(database: Database, references: SqliteReferences) {
    this.#references = references;
    this.#deleteTags = database.prepare("DELETE FROM tags WHERE digest = ?");
    this.#unlink = database.prepare(unlinkSql);
    const deleteBlob = database.prepare(deleteUnusedSql("blobs"));
    const deleteManifest = database.prepare(deleteUnusedSql("manifests"));
    this.#removeBlobs = database.transaction((unused) => {
      const removed = deleteEach(deleteBlob, unused);
      for (const digest of removed) this.#unlink.run({ digest });
      return removed;
    });
    this.#removeManifests = database.transaction((unused) => {
      const removed = deleteEach(deleteManifest, unused);
      this.#dropTraces(removed);
      return removed;
    });
  }

  removeBlobs(unused: readonly UseCursor[]): Digest[] {
    return this.#removeBlobs.immediate(unused);
  }

  removeManifests(unused: readonly UseCursor[]): Digest[] {
    return this.#removeManifests.immediate(unused);
  }

  /** References first: what only these manifests referred to is no longer referred to. */
  #dropTraces(manifests: readonly Digest[]): void {
    const referredTo = new Set(manifests.flatMap((digest) => this.#references.delete(digest)));
    for (const digest of manifests) {
      this.#deleteTags.run(digest);
      referredTo.add(digest);
    }
    for (const digest of referredTo) this.#unlink.run({ digest });
  }
}

function deleteUnusedSql(table: string): string {
  return `DELETE FROM ${table} WHERE digest = @digest AND used_at <= @usedAt`;
}

function deleteEach(statement: Statement<[UseCursor]>, unused: readonly UseCursor[]): Digest[] {
  return unused.flatMap(({ digest, usedAt }) =>
    statement.run({ digest, usedAt }).changes > 0 ? [digest] : [],
  );
}
