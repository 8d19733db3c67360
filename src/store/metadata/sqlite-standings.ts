import type { Database, Statement } from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import { isTag } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import { pinColumns, toPin, type PinRow } from "./sqlite-pins.ts";
import type { ReachingName, Standing } from "./upkeep-store.ts";

interface NameRow {
  repository: QualifiedName;
  tag: string | null;
}

/**
 * The content and all that it is below: manifests here that refer to it, and subjects of referrers.
 * `referrer` is the first one on the way up, if there is any.
 */
const withAbove = `
  WITH RECURSIVE above (digest, referrer) AS (
    SELECT @digest, NULL
    UNION
    SELECT manifest_references.manifest, above.referrer
    FROM above CROSS JOIN manifest_references ON manifest_references.digest = above.digest
    UNION
    SELECT manifests.subject, coalesce(above.referrer, manifests.digest)
    FROM above
    CROSS JOIN manifests INDEXED BY manifests_with_subject ON manifests.digest = above.digest
    WHERE manifests.subject IS NOT NULL
  )`;

/**
 * A repository keeps the referrers that are its own: anybody can push something elsewhere that says
 * to be about its content.
 */
function isOwnSql(repository: string): string {
  return `(above.referrer IS NULL OR EXISTS (
    SELECT 1 FROM links AS own
    WHERE own.repository_id = ${repository} AND own.digest = above.referrer))`;
}

/** CROSS JOIN keeps the order: few digests are above, and each is looked up. */
const findNamesSql = `
  ${withAbove}, tagged AS MATERIALIZED (
    SELECT DISTINCT tags.repository_id, tags.tag
    FROM above CROSS JOIN tags ON tags.digest = above.digest
    WHERE ${isOwnSql("tags.repository_id")}
  ), named AS (
    SELECT repository_id, tag FROM tagged
    UNION
    SELECT links.repository_id, NULL
    FROM above CROSS JOIN links ON links.digest = above.digest
    WHERE links.repository_id NOT IN (SELECT repository_id FROM tagged)
    AND ${isOwnSql("links.repository_id")}
  )
  SELECT repositories.name AS repository, named.tag
  FROM named CROSS JOIN repositories ON repositories.id = named.repository_id
  ORDER BY repositories.name, named.tag`;

const findPinsSql = `
  ${withAbove}, covering AS (
    SELECT pins.repository_id, pins.reference
    FROM above CROSS JOIN pins ON pins.reference = above.digest
    WHERE ${isOwnSql("pins.repository_id")}
    UNION
    SELECT pins.repository_id, pins.reference
    FROM above
    CROSS JOIN tags ON tags.digest = above.digest
    CROSS JOIN pins ON pins.repository_id = tags.repository_id AND pins.reference = tags.tag
    WHERE ${isOwnSql("pins.repository_id")}
  )
  SELECT ${pinColumns}
  FROM covering
  CROSS JOIN pins ON pins.repository_id = covering.repository_id
    AND pins.reference = covering.reference
  CROSS JOIN repositories ON repositories.id = pins.repository_id
  WHERE pins.until IS NULL OR pins.until > @at
  ORDER BY repositories.name, pins.reference`;

/** Why content may have to stay. */
export class SqliteStandings {
  readonly #findNames: Statement<[{ digest: Digest }], NameRow>;
  readonly #findPins: Statement<[{ digest: Digest; at: number }], PinRow>;

  constructor(database: Database) {
    this.#findNames = database.prepare(findNamesSql);
    this.#findPins = database.prepare(findPinsSql);
  }

  find(digest: Digest, at: number): Standing {
    return {
      names: this.#findNames.all({ digest }).flatMap(toName),
      pins: this.#findPins.all({ digest, at }).flatMap(toPin),
    };
  }
}

function toName({ repository, tag }: NameRow): ReachingName[] {
  if (tag === null) return [{ repository, tag: undefined }];
  return isTag(tag) ? [{ repository, tag }] : [];
}
