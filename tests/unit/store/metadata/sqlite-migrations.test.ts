import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import SqliteDatabase from "better-sqlite3";
import { SqliteMetadataStore } from "../../../../src/store/metadata/sqlite-metadata-store.ts";
import { checkIsOurs, migrate } from "../../../../src/store/metadata/sqlite-migrations.ts";
import { migrations } from "../../../../src/store/metadata/sqlite-schema.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";
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
