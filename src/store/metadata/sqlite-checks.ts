import type { Database, Statement } from "better-sqlite3";
import { asDigest, type Digest } from "../../oci/digest.ts";
import type { StoredBlob } from "./upkeep-store.ts";

interface BlobRow {
  digest: string;
  size: number;
  checkedAt: number | null;
}

const selectSql = "SELECT digest, size, checked_at AS checkedAt FROM blobs";

/** Two queries, as one for both conditions would read the whole index where few are due. */
const listNeverSql = `${selectSql} WHERE checked_at IS NULL ORDER BY digest LIMIT ?`;
const listBeforeSql = `${selectSql} WHERE checked_at < ? ORDER BY checked_at, digest LIMIT ?`;

const listSql = `${selectSql} WHERE digest > ? ORDER BY digest LIMIT ?`;

/** Stored blobs, and when they were last hashed. */
export class SqliteChecks {
  readonly #listNever: Statement<[number], BlobRow>;
  readonly #listBefore: Statement<[number, number], BlobRow>;
  readonly #list: Statement<[string, number], BlobRow>;
  readonly #save: Statement<[number | null, string]>;
  readonly #measure: Statement<[], { count: number; bytes: number }>;

  constructor(database: Database) {
    this.#listNever = database.prepare(listNeverSql);
    this.#listBefore = database.prepare(listBeforeSql);
    this.#list = database.prepare(listSql);
    this.#save = database.prepare("UPDATE blobs SET checked_at = ? WHERE digest = ?");
    this.#measure = database.prepare("SELECT count, bytes FROM blob_totals");
  }

  listLeastChecked(page: { checkedBefore: number; limit: number }): StoredBlob[] {
    const { checkedBefore, limit } = page;
    const never = this.#listNever.all(limit);
    const before = this.#listBefore.all(checkedBefore, limit - never.length);
    return [...never, ...before].flatMap(toBlob);
  }

  list({ after, limit }: { after?: Digest | undefined; limit: number }): StoredBlob[] {
    return this.#list.all(after ?? "", limit).flatMap(toBlob);
  }

  save(digest: Digest, at: number): void {
    this.#save.run(at, digest);
  }

  clear(digest: Digest): void {
    this.#save.run(null, digest);
  }

  measure(): { count: number; bytes: number } {
    const totals = this.#measure.get();
    if (!totals) throw new Error("blob_totals has no row");
    return totals;
  }
}

function toBlob({ digest: text, size, checkedAt }: BlobRow): StoredBlob[] {
  const digest = asDigest(text);
  return digest ? [{ digest, size, checkedAt: checkedAt ?? undefined }] : [];
}
