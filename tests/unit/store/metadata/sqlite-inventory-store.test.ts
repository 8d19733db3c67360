import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import SqliteDatabase from "better-sqlite3";
import { pino } from "pino";
import { SqliteMetadataStore } from "../../../../src/store/metadata/sqlite-metadata-store.ts";
import { describeRemovalByModel } from "../../../contract/inventory-removal.ts";
import { describeInventoryStore } from "../../../contract/inventory-store.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";
import { makeRound, repository } from "./rounds.ts";

const log = pino({ enabled: false });

function open(directory: string): Promise<SqliteMetadataStore> {
  return SqliteMetadataStore.open({ path: join(directory, "metadata.db"), log });
}

describeInventoryStore("a SQLite file", open);
describeRemovalByModel("SQLite in memory", async () => SqliteMetadataStore.openInMemory({ log }));

describe("SqliteInventoryStore", () => {
  const { manifest, layer, tag } = makeRound(1);

  async function fill(directory: string): Promise<void> {
    await using store = await open(directory);
    const references = [layer];
    await store.saveManifest({ repository, manifest, references, subject: undefined, at: 1000 });
    await store.saveTag(repository, tag, manifest.digest, 1000);
    await store.saveBlob(layer.digest, { size: layer.size, checkedAt: 1000 }, 1000);
  }

  test("leaves nothing half removed when the database fails in the middle", async () => {
    await using directory = await makeTempDir();
    await fill(directory.path);
    const database = new SqliteDatabase(join(directory.path, "metadata.db"));
    database.exec(
      "CREATE TRIGGER refuse BEFORE DELETE ON blobs BEGIN SELECT raise(ABORT, 'refused'); END",
    );
    database.close();
    await using store = await open(directory.path);
    await expect(store.inventory.removeTag(repository, tag)).rejects.toMatchObject({
      name: "MetadataError",
    });
    await expect(store.inventory.removeManifest(repository, manifest.digest)).rejects.toMatchObject(
      { name: "MetadataError" },
    );
    expect(await store.findTag(repository, tag)).toBeDefined();
    expect((await store.findManifest(repository, manifest.digest)).content).toBeDefined();
    expect(await store.findBlob(repository, layer.digest)).toMatchObject({ linked: true });
    expect(await store.upkeep.measureBlobs()).toEqual({ count: 1, bytes: layer.size });
  });

  test("tells a manifest whose bytes have changed on disk as it is", async () => {
    await using directory = await makeTempDir();
    await fill(directory.path);
    const database = new SqliteDatabase(join(directory.path, "metadata.db"));
    database.prepare("UPDATE manifests SET bytes = CAST('{}' AS BLOB)").run();
    database.close();
    await using store = await open(directory.path);
    const found = await store.inventory.summarizeManifest(manifest.digest);
    expect(Buffer.from(found?.bytes ?? []).toString()).toBe("{}");
  });
});
