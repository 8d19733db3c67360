import type { Database, Statement, Transaction } from "better-sqlite3";
import { digestAlgorithm, digestOf, type Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { Holding, ManifestToSave } from "./metadata-store.ts";
import { isLinkedSql, type SqliteLinks } from "./sqlite-links.ts";
import type { SqliteReferences } from "./sqlite-references.ts";

interface ManifestRow {
  linked: number;
  /** null, both: it is not here. */
  mediaType: string | null;
  bytes: Uint8Array | null;
}

const findSql = `
  SELECT ${isLinkedSql} AS linked, media_type AS mediaType, bytes
  FROM (SELECT ? AS wanted) LEFT JOIN manifests ON digest = wanted`;

const saveSql = `
  INSERT INTO manifests (digest, media_type, bytes, size, subject, created_at, used_at)
  VALUES (@digest, @mediaType, @bytes, length(@bytes), @subject, @at, @at)
  ON CONFLICT DO UPDATE SET
    media_type = excluded.media_type,
    bytes = excluded.bytes,
    size = excluded.size,
    subject = excluded.subject,
    used_at = max(used_at, excluded.used_at)`;

export class SqliteManifests {
  readonly #find: Statement<[string, string, string], ManifestRow>;
  readonly #delete: Transaction<(digest: Digest) => void>;
  readonly #save: Transaction<(save: ManifestToSave) => void>;

  constructor(database: Database, tables: { links: SqliteLinks; references: SqliteReferences }) {
    const { links, references } = tables;
    this.#find = database.prepare(findSql);
    const remove = database.prepare("DELETE FROM manifests WHERE digest = ?");
    this.#delete = database.transaction((digest) => {
      remove.run(digest);
      references.delete(digest);
    });
    const insert = database.prepare(saveSql);
    this.#save = database.transaction((save) => {
      const { digest } = save.manifest;
      insert.run({ ...save.manifest, subject: save.subject ?? null, at: save.at });
      references.replace(
        digest,
        save.references.map((reference) => reference.digest),
      );
      links.addWithReferences(save.repository, digest, save.references, save.at);
    });
  }

  /** "damaged": there is a row, but its bytes no longer have their digest. */
  find(repository: QualifiedName, digest: Digest): Holding<Manifest | "damaged"> {
    const row = this.#find.get(repository, digest, digest);
    const { linked = 0, mediaType = null, bytes = null } = row ?? {};
    const isHere = mediaType !== null && bytes !== null;
    const content = isHere ? checkManifest({ digest, mediaType, bytes }) : undefined;
    return { linked: linked === 1, content };
  }

  save(save: ManifestToSave): void {
    this.#save.immediate(save);
  }

  delete(digest: Digest): void {
    this.#delete.immediate(digest);
  }
}

function checkManifest(manifest: Manifest): Manifest | "damaged" {
  const { digest, bytes } = manifest;
  return digestOf(bytes, digestAlgorithm(digest)) === digest ? manifest : "damaged";
}
