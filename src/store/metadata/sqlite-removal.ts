import type { Database, Statement, Transaction } from "better-sqlite3";
import { asDigest, type Digest } from "../../oci/digest.ts";
import { isTag, type Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { Removal } from "./inventory-store.ts";
import { SqliteDescent, type Descent } from "./sqlite-descent.ts";
import { unlinkSql as unlinkFromAllSql } from "./sqlite-eviction.ts";
import { SqliteReferences } from "./sqlite-references.ts";
import type { SqliteRepositories } from "./sqlite-repositories.ts";

type Deletion = Statement<[{ repository: number; digest: Digest }]>;

/** Links of the repository to what no manifest that it may read, and is here, refers to. */
const unlinkSql = `
  DELETE FROM links WHERE repository_id = @repository AND digest = @digest
  AND NOT EXISTS (SELECT 1 FROM tags WHERE repository_id = @repository AND digest = @digest)
  AND NOT EXISTS (
    SELECT 1 FROM manifest_references CROSS JOIN links AS above
      ON above.repository_id = @repository AND above.digest = manifest_references.manifest
    WHERE manifest_references.digest = @digest)`;

const deleteBlobSql = `
  DELETE FROM blobs WHERE digest = @digest
  AND NOT EXISTS (SELECT 1 FROM manifest_references WHERE digest = @digest)
  RETURNING size`;

/** What goes when a name is taken away, all of it in one transaction. */
export class SqliteRemoval {
  readonly #descents: SqliteDescent;
  readonly #references: SqliteReferences;
  readonly #deleteTagsOf: Statement<[{ repository: number; digest: Digest }], string>;
  readonly #deleteManifest: Statement<[{ digest: Digest }]>;
  readonly #deleteBlob: Statement<[{ digest: Digest }], number>;
  readonly #deleteLink: Deletion;
  readonly #unlink: Deletion;
  readonly #unlinkFromAll: Statement<[{ digest: Digest }]>;
  readonly #removeTag: Transaction<(repository: QualifiedName, tag: Tag) => Removal | undefined>;
  readonly #removeManifest: Transaction<
    (repository: QualifiedName, digest: Digest) => Removal | undefined
  >;

  constructor(database: Database, repositories: SqliteRepositories) {
    this.#descents = new SqliteDescent(database);
    this.#references = new SqliteReferences(database);
    this.#deleteTagsOf = database
      .prepare<{ repository: number; digest: Digest }, string>(
        "DELETE FROM tags WHERE repository_id = @repository AND digest = @digest RETURNING tag",
      )
      .pluck();
    this.#deleteManifest = database.prepare("DELETE FROM manifests WHERE digest = @digest");
    this.#deleteBlob = database.prepare<{ digest: Digest }, number>(deleteBlobSql).pluck();
    this.#deleteLink = database.prepare(
      "DELETE FROM links WHERE repository_id = @repository AND digest = @digest",
    );
    this.#unlink = database.prepare(unlinkSql);
    this.#unlinkFromAll = database.prepare(unlinkFromAllSql);
    const deleteTag = database
      .prepare<[number, string], string>(
        "DELETE FROM tags WHERE repository_id = ? AND tag = ? RETURNING digest",
      )
      .pluck();
    this.#removeTag = database.transaction((name, tag) => {
      const repository = repositories.find(name);
      if (repository === undefined) return undefined;
      const text = deleteTag.get(repository, tag);
      if (text === undefined) return undefined;
      const digest = asDigest(text);
      if (digest === undefined) return { tags: [tag], manifests: [], blobs: [] };
      const descent = this.#descents.from(digest, { repository, isTaken: false });
      return { tags: [tag], ...this.#forget(descent, repository) };
    });
    this.#removeManifest = database.transaction((name, digest) => {
      const repository = repositories.find(name);
      if (repository === undefined || !this.#descents.isHeldBy(repository, digest)) {
        return undefined;
      }
      const tags = this.#deleteTagsOf.all({ repository, digest }).filter(isTag).toSorted();
      const descent = this.#descents.from(digest, { repository, isTaken: true });
      return { tags, ...this.#forget(descent, repository) };
    });
  }

  removeTag(repository: QualifiedName, tag: Tag): Removal | undefined {
    return this.#removeTag.immediate(repository, tag);
  }

  removeManifest(repository: QualifiedName, digest: Digest): Removal | undefined {
    return this.#removeManifest.immediate(repository, digest);
  }

  /** References before blobs and links: what only these manifests referred to is lost with them. */
  #forget(descent: Descent, repository: number): Omit<Removal, "tags"> {
    const referredTo = new Set(descent.lost.flatMap((digest) => this.#references.delete(digest)));
    for (const digest of descent.lost) this.#deleteManifest.run({ digest });
    for (const digest of descent.unreadable) this.#deleteLink.run({ repository, digest });
    for (const digest of descent.leaves) this.#unlink.run({ repository, digest });
    const blobs = [...referredTo].flatMap((digest) => {
      const size = this.#deleteBlob.get({ digest });
      return size === undefined ? [] : [{ digest, size }];
    });
    for (const digest of descent.all) this.#unlinkFromAll.run({ digest });
    return { manifests: descent.lost, blobs };
  }
}
