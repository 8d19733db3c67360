import type { Database, Statement } from "better-sqlite3";
import { asDigest, type Digest } from "../../oci/digest.ts";

/** What stored manifests refer to. Each method runs within the caller's transaction. */
export class SqliteReferences {
  readonly #insert: Statement<[string, string]>;
  readonly #delete: Statement<[string], string>;

  constructor(database: Database) {
    this.#insert = database.prepare(
      "INSERT INTO manifest_references (manifest, digest) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#delete = database
      .prepare<[string], string>(
        "DELETE FROM manifest_references WHERE manifest = ? RETURNING digest",
      )
      .pluck();
  }

  replace(manifest: Digest, references: readonly Digest[]): void {
    this.delete(manifest);
    for (const digest of references) this.#insert.run(manifest, digest);
  }

  /** Says what it referred to. */
  delete(manifest: Digest): Digest[] {
    return this.#delete.all(manifest).flatMap((digest) => asDigest(digest) ?? []);
  }
}
