import type { Database, Statement } from "better-sqlite3";
import { asDigest } from "../../oci/digest.ts";
import type { ContentKind, StoredContent, UseCursor } from "./upkeep-store.ts";

export interface UsePage {
  after?: UseCursor | undefined;
  usedBefore?: number;
  limit: number;
}

interface PageParameters {
  usedAt: number;
  digest: string;
  usedBefore: number;
  limit: number;
}

interface ContentRow {
  digest: string;
  size: number;
  usedAt: number;
}

const beforeAll = { usedAt: -Infinity, digest: "" };

/** Content by its last use. */
export class SqliteUseOrder {
  readonly #list: Readonly<Record<ContentKind, Statement<[PageParameters], ContentRow>>>;

  constructor(database: Database) {
    this.#list = {
      blob: database.prepare(listSql("blobs")),
      manifest: database.prepare(listSql("manifests")),
    };
  }

  list(kind: ContentKind, { after, usedBefore = Infinity, limit }: UsePage): StoredContent[] {
    const { usedAt, digest } = after ?? beforeAll;
    const rows = this.#list[kind].all({ usedAt, digest, usedBefore, limit });
    return rows.flatMap((row) => {
      const known = asDigest(row.digest);
      return known ? [{ ...row, kind, digest: known }] : [];
    });
  }
}

function listSql(table: string): string {
  return `
    SELECT digest, size, used_at AS usedAt FROM ${table}
    WHERE (used_at, digest) > (@usedAt, @digest) AND used_at < @usedBefore
    ORDER BY used_at, digest LIMIT @limit`;
}
