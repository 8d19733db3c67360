import type { Database, Statement } from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import { ofRepository, type SqliteRepositories } from "./sqlite-repositories.ts";

/** Of some of a repository's links, in digest order; `last` is the last of them. */
interface LinkedSum {
  manifests: number;
  blobs: number;
  bytes: number;
  usedAt: number | null;
  last: string | null;
}

/** Of some manifests, in rowid order; `last` is the last of them. */
interface ManifestSum {
  count: number;
  bytes: number;
  last: number | null;
}

interface ClosureSum {
  bytes: number;
  /** Of the manifest at the top; null: it is not here. */
  usedAt: number | null;
}

/** What is here as a manifest and as a blob counts as both, its bytes once. */
const sumLinkedSql = `
  SELECT count(manifests.digest) AS manifests,
    count(blobs.digest) AS blobs,
    coalesce(sum(coalesce(manifests.size, blobs.size)), 0) AS bytes,
    max(max(coalesce(manifests.used_at, blobs.used_at), coalesce(blobs.used_at, manifests.used_at)))
      AS usedAt,
    max(linked.digest) AS last
  FROM (
    SELECT digest FROM links WHERE repository_id = @repository AND digest > @after
    ORDER BY digest LIMIT @limit
  ) AS linked
  LEFT JOIN manifests ON manifests.digest = linked.digest
  LEFT JOIN blobs ON blobs.digest = linked.digest`;

/** Most are blobs, and are not looked up as manifests. */
const sumClosureSql = `
  WITH RECURSIVE closure (digest) AS (
    SELECT @digest
    UNION
    SELECT manifest_references.digest
    FROM closure CROSS JOIN manifest_references ON manifest_references.manifest = closure.digest
  )
  SELECT coalesce(sum(coalesce(
      (SELECT size FROM blobs WHERE digest = closure.digest),
      (SELECT size FROM manifests WHERE digest = closure.digest))), 0) AS bytes,
    (SELECT used_at FROM manifests WHERE digest = @digest) AS usedAt
  FROM closure`;

/** The size stands behind the bytes of a manifest, which all are read for it. */
const sumManifestsSql = `
  SELECT count(*) AS count, coalesce(sum(size), 0) AS bytes, max(id) AS last
  FROM (SELECT rowid AS id, size FROM manifests WHERE rowid > ? ORDER BY rowid LIMIT ?)`;

/** How much of something is here. Where that may be much, in parts for the caller to add up. */
export class SqliteInventorySums {
  readonly #repositories: SqliteRepositories;
  readonly #sumLinked: Statement<[{ repository: number; after: string; limit: number }], LinkedSum>;
  readonly #sumClosure: Statement<[{ digest: Digest }], ClosureSum>;
  readonly #sumManifests: Statement<[number, number], ManifestSum>;
  readonly #countTags: Statement<[], number>;
  readonly #countTagsOf: Statement<[string], number>;

  constructor(database: Database, repositories: SqliteRepositories) {
    this.#repositories = repositories;
    this.#sumLinked = database.prepare(sumLinkedSql);
    this.#sumClosure = database.prepare(sumClosureSql);
    this.#sumManifests = database.prepare(sumManifestsSql);
    this.#countTags = database.prepare<[], number>("SELECT count(*) FROM tags").pluck();
    this.#countTagsOf = database
      .prepare<[string], number>(`SELECT count(*) FROM tags WHERE ${ofRepository}`)
      .pluck();
  }

  countTags(): number {
    return this.#countTags.get() ?? 0;
  }

  countTagsOf(repository: QualifiedName): number {
    return this.#countTagsOf.get(repository) ?? 0;
  }

  /** Of the next `limit` links of the repository after that digest; undefined: there are none. */
  sumLinked(repository: QualifiedName, after: string, limit: number): LinkedSum | undefined {
    const id = this.#repositories.find(repository);
    if (id === undefined) return undefined;
    const sum = this.#sumLinked.get({ repository: id, after, limit });
    return sum?.last === null ? undefined : sum;
  }

  /** Of a manifest and all below it that is here. */
  sumClosure(digest: Digest): ClosureSum {
    return this.#sumClosure.get({ digest }) ?? { bytes: 0, usedAt: null };
  }

  /** Of the next `limit` manifests after that rowid; undefined: there are none. */
  sumManifests(after: number, limit: number): ManifestSum | undefined {
    const sum = this.#sumManifests.get(after, limit);
    return sum?.last === null ? undefined : sum;
  }
}
