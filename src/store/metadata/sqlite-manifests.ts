import type { Database, Statement, Transaction } from "better-sqlite3";
import { digestAlgorithm, digestOf, type Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import type { QualifiedName } from "../../oci/repository-name.ts";
import type { Holding, ManifestToSave } from "./metadata-store.ts";
import type { SqliteLinks } from "./sqlite-links.ts";

interface ManifestRow {
  mediaType: string;
  bytes: Uint8Array;
}

const findSql = "SELECT media_type AS mediaType, bytes FROM manifests WHERE digest = ?";

const saveSql = `
  INSERT INTO manifests (digest, media_type, bytes, size, created_at, used_at)
  VALUES (@digest, @mediaType, @bytes, length(@bytes), @at, @at)
  ON CONFLICT DO UPDATE SET
    media_type = excluded.media_type,
    bytes = excluded.bytes,
    size = excluded.size,
    used_at = max(used_at, excluded.used_at)`;

export class SqliteManifests {
  readonly #links: SqliteLinks;
  readonly #find: Statement<[string], ManifestRow>;
  readonly #delete: Statement<[string]>;
  readonly #save: Transaction<(save: ManifestToSave) => void>;

  constructor(database: Database, links: SqliteLinks) {
    this.#links = links;
    this.#find = database.prepare(findSql);
    this.#delete = database.prepare("DELETE FROM manifests WHERE digest = ?");
    const save = database.prepare(saveSql);
    this.#save = database.transaction(({ repository, manifest, references, at }) => {
      save.run({ ...manifest, at });
      links.addWithReferences(repository, manifest.digest, references, at);
    });
  }

  /** "damaged": there is a row, but its bytes no longer have their digest. */
  find(repository: QualifiedName, digest: Digest): Holding<Manifest | "damaged"> {
    const row = this.#find.get(digest);
    const content = row && checkManifest({ ...row, digest });
    return { linked: this.#links.has(repository, digest), content };
  }

  save(save: ManifestToSave): void {
    this.#save.immediate(save);
  }

  delete(digest: Digest): void {
    this.#delete.run(digest);
  }
}

function checkManifest(manifest: Manifest): Manifest | "damaged" {
  const { digest, bytes } = manifest;
  return digestOf(bytes, digestAlgorithm(digest)) === digest ? manifest : "damaged";
}
