import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import SqliteDatabase from "better-sqlite3";
import { SqliteMetadataStore } from "../../../../src/store/metadata/sqlite-metadata-store.ts";
import { checkIsOurs, migrate } from "../../../../src/store/metadata/sqlite-migrations.ts";
import { migrations } from "../../../../src/store/metadata/sqlite-schema.ts";
import { makeDigest } from "../../../support/stored-content.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";
import { openRaw } from "./raw-database.ts";
import { makeRecordingLog } from "./recording-log.ts";

const { log } = makeRecordingLog();

describe("migrate", () => {
  test("brings an empty database to the latest version, and does nothing to such a one", () => {
    const database = new SqliteDatabase(":memory:");
    migrate(database);
    expect(database.pragma("user_version", { simple: true })).toBe(migrations.length);
    const schema = database.prepare("SELECT sql FROM sqlite_schema").all();
    migrate(database);
    expect(database.prepare("SELECT sql FROM sqlite_schema").all()).toEqual(schema);
    expect(() => checkIsOurs(database)).not.toThrow();
    database.close();
  });

  test("leaves nothing of a step that fails", () => {
    const database = new SqliteDatabase(":memory:");
    database.exec("CREATE TABLE links (other TEXT)");
    expect(() => migrate(database)).toThrow("links");
    expect(database.pragma("user_version", { simple: true })).toBe(0);
    expect(database.prepare("SELECT name FROM sqlite_schema").pluck().all()).toEqual(["links"]);
    database.close();
  });
});

describe("a metadata database of version 1", () => {
  const image = {
    config: { digest: makeDigest("config"), size: 1 },
    layers: [
      { digest: makeDigest("layer"), size: 2 },
      { digest: makeDigest("layer"), size: 2 },
      { digest: makeDigest("base"), size: 3 },
    ],
  };
  const documents: Record<string, string> = {
    index: JSON.stringify({ manifests: [{ digest: makeDigest("image") }] }),
    image: JSON.stringify(image),
    signature: JSON.stringify({
      layers: [{ digest: makeDigest("base") }],
      subject: { digest: makeDigest("image") },
    }),
    odd: JSON.stringify({
      layers: ["text", "{", 7, null, {}, { digest: 7 }],
      subject: [],
      config: [],
    }),
    "no object": "[1]",
    "not JSON": "{ broken",
    "not text": "\u0000\ud800",
    empty: "",
  };

  function writeVersion1(path: string): void {
    using database = openRaw(path);
    database.exec(migrations[0] ?? "");
    database.pragma("application_id = 0x656e7472");
    database.pragma("user_version = 1");
    const insertManifest = database.prepare(
      "INSERT INTO manifests VALUES (?, '', ?, ?, 1000, 1000)",
    );
    for (const [seed, document] of Object.entries(documents)) {
      insertManifest.run(makeDigest(seed), Buffer.from(document), document.length);
    }
    const insertBlob = database.prepare("INSERT INTO blobs VALUES (?, 10, NULL, 1000, 1000)");
    for (const seed of ["config", "layer", "base"]) insertBlob.run(makeDigest(seed));
  }

  test("learns what its manifests refer to, broken ones aside", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    writeVersion1(path);
    await (await SqliteMetadataStore.open({ path, log }))[Symbol.asyncDispose]();
    using database = openRaw(path);
    const ways = [
      ["index", "image"],
      ["image", "config"],
      ["image", "layer"],
      ["image", "base"],
      ["signature", "base"],
    ].map((seeds) => seeds.map(makeDigest));
    const references = database.prepare("SELECT * FROM manifest_references").raw().all();
    expect(references).toHaveLength(ways.length);
    expect(references).toEqual(expect.arrayContaining(ways));
    const subjects = database.prepare(
      "SELECT digest, subject FROM manifests WHERE subject IS NOT NULL",
    );
    expect(subjects.raw().all()).toEqual([[makeDigest("signature"), makeDigest("image")]]);
  });

  test("is used, measured and walked as one of today", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    writeVersion1(path);
    await using store = await SqliteMetadataStore.open({ path, log });
    expect(store.rebuilt).toBe(true);
    expect(await store.upkeep.measureBlobs()).toEqual({ count: 3, bytes: 30 });
    await store.recordUses(new Map([[makeDigest("index"), 5000]]));
    const used = await store.upkeep.listLeastUsed("blob", { limit: 10 });
    expect(used.map(({ usedAt }) => usedAt)).toEqual([5000, 5000, 5000]);
    await store.upkeep.removeBlobs([{ digest: makeDigest("layer"), usedAt: 5000 }]);
    expect(await store.upkeep.measureBlobs()).toEqual({ count: 2, bytes: 20 });
  });
});

describe("a metadata database of a later release", () => {
  test("is refused with what to do, and stays as it is", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    await (await SqliteMetadataStore.open({ path, log }))[Symbol.asyncDispose]();
    const database = new SqliteDatabase(path);
    database.pragma("user_version = 99");
    database.close();
    const before = await readFile(path);

    await expect(SqliteMetadataStore.open({ path, log })).rejects.toMatchObject({
      name: "NewerDatabaseError",
      found: 99,
      supported: migrations.length,
      message: expect.stringMatching(
        /metadata\.db has version 99.*use the newer entrepot, or move/,
      ),
    });

    expect((await readFile(path)).equals(before)).toBe(true);
    expect(await readdir(directory.path)).toEqual(["metadata.db"]);
  });
});
