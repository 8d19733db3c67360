import type { Database, Statement } from "better-sqlite3";
import { asDigest, type Digest } from "../../oci/digest.ts";
import { isTag, type Tag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { BlobSummary, ManifestSummary } from "./inventory-store.ts";
import type { TagRecord } from "./metadata-store.ts";
import { SqliteInventorySums } from "./sqlite-inventory-sums.ts";
import { ofRepository, type SqliteRepositories } from "./sqlite-repositories.ts";

interface BlobRow {
  digest: string;
  size: number;
  checkedAt: number | null;
  createdAt: number;
  usedAt: number;
}

type ManifestRow = Omit<ManifestSummary, "digest">;

interface TagRow {
  tag: string;
  digest: string;
  checkedAt: number;
  changedAt: number;
}

const listRepositoriesSql = `
  SELECT name FROM repositories
  WHERE name > ? AND (
    EXISTS (SELECT 1 FROM tags WHERE repository_id = id)
    OR EXISTS (SELECT 1 FROM links WHERE repository_id = id))
  ORDER BY name LIMIT ?`;

const listTagsSql = `
  SELECT tag, digest, checked_at AS checkedAt, changed_at AS changedAt
  FROM tags WHERE ${ofRepository} AND tag > ? ORDER BY tag LIMIT ?`;

const blobColumns = `
  digest, size, checked_at AS checkedAt, created_at AS createdAt, used_at AS usedAt`;

const findManifestSql = `
  SELECT media_type AS mediaType, bytes, created_at AS createdAt, used_at AS usedAt
  FROM manifests WHERE digest = ?`;

const listTagsOfSql = `
  SELECT repositories.name AS repository, tags.tag
  FROM tags CROSS JOIN repositories ON repositories.id = tags.repository_id
  WHERE tags.digest = ? ORDER BY repositories.name, tags.tag`;

const listRepositoriesOfSql = `
  SELECT repositories.name
  FROM links CROSS JOIN repositories ON repositories.id = links.repository_id
  WHERE links.digest = ? ORDER BY repositories.name`;

/** What is here, by name and by digest. */
export class SqliteInventory {
  readonly sums: SqliteInventorySums;
  readonly #listRepositories: Statement<[string, number], QualifiedName>;
  readonly #listTags: Statement<[string, string, number], TagRow>;
  readonly #listBlobs: Statement<[string, number], BlobRow>;
  readonly #findBlob: Statement<[string], BlobRow>;
  readonly #findManifest: Statement<[string], ManifestRow>;
  readonly #listReferrers: Statement<[string], string>;
  readonly #listTagsOf: Statement<[string], { repository: QualifiedName; tag: string }>;
  readonly #listRepositoriesOf: Statement<[string], QualifiedName>;

  constructor(database: Database, repositories: SqliteRepositories) {
    this.sums = new SqliteInventorySums(database, repositories);
    this.#listRepositories = database
      .prepare<[string, number], QualifiedName>(listRepositoriesSql)
      .pluck();
    this.#listTags = database.prepare(listTagsSql);
    this.#listBlobs = database.prepare(
      `SELECT ${blobColumns} FROM blobs WHERE digest > ? ORDER BY digest LIMIT ?`,
    );
    this.#findBlob = database.prepare(`SELECT ${blobColumns} FROM blobs WHERE digest = ?`);
    this.#findManifest = database.prepare(findManifestSql);
    this.#listReferrers = database
      .prepare<[string], string>("SELECT digest FROM manifests WHERE subject = ? ORDER BY digest")
      .pluck();
    this.#listTagsOf = database.prepare(listTagsOfSql);
    this.#listRepositoriesOf = database
      .prepare<[string], QualifiedName>(listRepositoriesOfSql)
      .pluck();
  }

  listRepositories(after: QualifiedName | undefined, limit: number): QualifiedName[] {
    return this.#listRepositories.all(after ?? "", limit);
  }

  listTags(
    repository: QualifiedName,
    page: { after?: Tag | undefined; limit: number },
  ): (TagRecord & { tag: Tag })[] {
    return this.#listTags.all(repository, page.after ?? "", page.limit).flatMap((row) => {
      const digest = asDigest(row.digest);
      return digest && isTag(row.tag) ? [{ ...row, tag: row.tag, digest }] : [];
    });
  }

  listBlobs(after: Digest | undefined, limit: number): BlobSummary[] {
    return this.#listBlobs.all(after ?? "", limit).flatMap((row) => this.#toBlob(row));
  }

  findBlob(digest: Digest): BlobSummary | undefined {
    const row = this.#findBlob.get(digest);
    return row && this.#toBlob(row)[0];
  }

  findManifest(digest: Digest): ManifestSummary | undefined {
    const row = this.#findManifest.get(digest);
    return row && { digest, ...row };
  }

  listReferrers(subject: Digest): Digest[] {
    return this.#listReferrers.all(subject).flatMap((digest) => asDigest(digest) ?? []);
  }

  listTagsOf(digest: Digest): { repository: QualifiedName; tag: Tag }[] {
    return this.#listTagsOf
      .all(digest)
      .flatMap(({ repository, tag }) => (isTag(tag) ? [{ repository, tag }] : []));
  }

  listRepositoriesOf(digest: Digest): QualifiedName[] {
    return this.#listRepositoriesOf.all(digest);
  }

  #toBlob(row: BlobRow): BlobSummary[] {
    const digest = asDigest(row.digest);
    if (digest === undefined) return [];
    const repositories = this.listRepositoriesOf(digest);
    return [{ ...row, digest, checkedAt: row.checkedAt ?? undefined, repositories }];
  }
}
