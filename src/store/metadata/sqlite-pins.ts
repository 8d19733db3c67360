import type { Database, Statement, Transaction } from "better-sqlite3";
import { asDigest } from "../../oci/digest.ts";
import { formatReference, isTag, type Reference } from "../../oci/reference.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { PinRecord } from "./pin-store.ts";
import { ofRepository, type SqliteRepositories } from "./sqlite-repositories.ts";

export interface PinRow {
  repository: QualifiedName;
  reference: string;
  createdAt: number;
  until: number | null;
  note: string | null;
}

/** Columns of a PinRow, from `pins` and `repositories`. */
export const pinColumns = `
  repositories.name AS repository, pins.reference, pins.created_at AS createdAt,
  pins.until, pins.note`;

const saveSql = `
  INSERT INTO pins (repository_id, reference, created_at, until, note)
  VALUES (@repository, @reference, @createdAt, @until, @note)
  ON CONFLICT DO UPDATE SET
    created_at = excluded.created_at,
    until = excluded.until,
    note = excluded.note`;

const listSql = `
  SELECT ${pinColumns} FROM pins JOIN repositories ON repositories.id = pins.repository_id
  ORDER BY repositories.name, pins.reference`;

export class SqlitePins {
  readonly #save: Transaction<(pin: PinRecord) => void>;
  readonly #delete: Statement<[string, string]>;
  readonly #list: Statement<[], PinRow>;
  readonly #deleteUntil: Statement<[number]>;

  constructor(database: Database, repositories: SqliteRepositories) {
    const save = database.prepare(saveSql);
    this.#save = database.transaction((pin) => {
      save.run({
        repository: repositories.ensure(pin.repository),
        reference: formatReference(pin.reference),
        createdAt: pin.createdAt,
        until: pin.until ?? null,
        note: pin.note ?? null,
      });
    });
    this.#delete = database.prepare(`DELETE FROM pins WHERE ${ofRepository} AND reference = ?`);
    this.#list = database.prepare(listSql);
    this.#deleteUntil = database.prepare("DELETE FROM pins WHERE until <= ?");
  }

  save(pin: PinRecord): void {
    this.#save.immediate(pin);
  }

  delete({ repository, reference }: Pick<PinRecord, "repository" | "reference">): boolean {
    return this.#delete.run(repository, formatReference(reference)).changes === 1;
  }

  list(): PinRecord[] {
    return this.#list.all().flatMap(toPin);
  }

  deleteUntil(at: number): number {
    return this.#deleteUntil.run(at).changes;
  }
}

export function toPin(row: PinRow): PinRecord[] {
  const reference = readReference(row.reference);
  if (!reference) return [];
  return [{ ...row, reference, until: row.until ?? undefined, note: row.note ?? undefined }];
}

function readReference(text: string): Reference | undefined {
  const digest = asDigest(text);
  if (digest) return { kind: "digest", digest };
  return isTag(text) ? { kind: "tag", tag: text } : undefined;
}
