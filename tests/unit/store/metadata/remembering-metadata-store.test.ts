import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import SqliteDatabase from "better-sqlite3";
import { pino } from "pino";
import type { TagRecord } from "../../../../src/store/metadata/metadata-store.ts";
import { dockerManifest } from "../../../../src/oci/media-type.ts";
import { parseTag } from "../../../../src/oci/reference.ts";
import { RememberingMetadataStore } from "../../../../src/store/metadata/remembering-metadata-store.ts";
import { SqliteMetadataStore } from "../../../../src/store/metadata/sqlite-metadata-store.ts";
import { describeMetadataStore } from "../../../contract/metadata-store.ts";
import {
  latest,
  makeDigest,
  makeManifest,
  makeSave,
  node,
  redis,
} from "../../../support/stored-content.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";

const log = pino({ enabled: false });
const manifest = makeManifest("a");
const { digest } = manifest;

describeMetadataStore("a memory before SQLite", async () => {
  return new RememberingMetadataStore(SqliteMetadataStore.openInMemory({ log }));
});

/** The memory, what it remembers, and the statements that were run behind it. */
async function makeMemory() {
  const statements: string[] = [];
  const onStatement = (sql: string) => void statements.push(sql);
  const sqlite = SqliteMetadataStore.openInMemory({ log, onStatement });
  const memory = new RememberingMetadataStore(sqlite);
  await memory.saveManifest(makeSave(manifest));
  await memory.saveTag(node, latest, digest, 1000);
  await memory.findTag(node, latest);
  await memory.findManifest(node, digest);
  statements.length = 0;
  return { sqlite, memory, statements };
}

describe("what was found once", () => {
  test("is found again, and at once, without a statement", async () => {
    const { memory, statements } = await makeMemory();
    expect(memory.recallTag(node, latest)).toMatchObject({ digest, checkedAt: 1000 });
    expect(memory.recallManifest(node, digest)).toEqual({ ...manifest, bytes: expect.anything() });
    expect(await memory.findTag(node, latest)).toMatchObject({ digest });
    expect(await memory.findManifest(node, digest)).toMatchObject({ linked: true });
    expect(statements).toEqual([]);
  });

  test("is nothing that another repository may have", async () => {
    const { memory } = await makeMemory();
    expect(memory.recallTag(redis, latest)).toBeUndefined();
    expect(memory.recallManifest(redis, digest)).toBeUndefined();
    expect(await memory.findManifest(redis, digest)).toMatchObject({ linked: false });
    expect(memory.recallManifest(redis, digest)).toBeUndefined();
    await memory.link(redis, digest, 2000);
    await memory.findManifest(redis, digest);
    expect(memory.recallManifest(redis, digest)).toBe(memory.recallManifest(node, digest));
  });

  test("is not what there is none of", async () => {
    const { memory, statements } = await makeMemory();
    const other = parseTag("other");
    expect(await memory.findTag(node, other)).toBeUndefined();
    expect(await memory.findTag(node, other)).toBeUndefined();
    expect(statements).toHaveLength(2);
  });

  test("is forgotten when it is saved anew", async () => {
    const { memory } = await makeMemory();
    await memory.saveTag(node, latest, makeDigest("b"), 2000);
    expect(memory.recallTag(node, latest)).toBeUndefined();
    expect(await memory.findTag(node, latest)).toMatchObject({ digest: makeDigest("b") });
    const retyped = { ...manifest, mediaType: dockerManifest };
    await memory.saveManifest(makeSave(retyped, { repository: redis }));
    expect(memory.recallManifest(node, digest)).toBeUndefined();
    const { content } = await memory.findManifest(node, digest);
    expect(content?.mediaType).toBe(dockerManifest);
  });

  test("is forgotten with whatever is removed behind the memory", async () => {
    const { memory, sqlite } = await makeMemory();
    await sqlite.upkeep.removeManifests([{ digest, usedAt: 9000 }]);
    expect(memory.recallTag(node, latest)).toBeUndefined();
    expect(memory.recallManifest(node, digest)).toBeUndefined();
    expect(await memory.findTag(node, latest)).toBeUndefined();
    expect((await memory.findManifest(node, digest)).content).toBeUndefined();
  });

  test("is not what a save replaced while it was looked for", async () => {
    const { sqlite } = await makeMemory();
    const found = Promise.withResolvers<TagRecord | undefined>();
    const memory = new RememberingMetadataStore(
      Object.create(sqlite, {
        findTag: { value: () => found.promise },
        saveTag: { value: () => Promise.resolve() },
        removals: { value: 0 },
      }),
    );
    const finding = memory.findTag(node, latest);
    await memory.saveTag(node, latest, makeDigest("b"), 2000);
    found.resolve({ digest, checkedAt: 1000, changedAt: 1000 });
    await finding;
    expect(memory.recallTag(node, latest)).toBeUndefined();
  });

  test("is forgotten when the database is found damaged", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    {
      await using store = await SqliteMetadataStore.open({ path, log });
      await store.saveManifest(makeSave(manifest));
      await store.saveManifest(makeSave(makeManifest("b")));
    }
    const database = new SqliteDatabase(path);
    const spoil = "UPDATE manifests SET bytes = CAST('{}' AS BLOB) WHERE digest <> ?";
    database.prepare(spoil).run(digest);
    database.close();
    await using store = await SqliteMetadataStore.open({ path, log });
    const memory = new RememberingMetadataStore(store);
    await memory.findManifest(node, digest);
    expect(memory.recallManifest(node, digest)).toBeDefined();
    await memory.findManifest(node, makeManifest("b").digest);
    expect(memory.recallManifest(node, digest)).toBeUndefined();
  });

  test("takes bounded room, and no manifest of many MiB", async () => {
    const { memory } = await makeMemory();
    const large = {
      ...manifest,
      bytes: Buffer.alloc(3 * 1024 * 1024),
      digest: makeDigest("large"),
    };
    const store = new RememberingMetadataStore(
      Object.create(memory, {
        findManifest: {
          value: async (_: unknown, wanted: typeof digest) => ({
            linked: true,
            content:
              wanted === large.digest
                ? large
                : { ...manifest, digest: wanted, bytes: Buffer.alloc(1024 * 1024 - 2048) },
          }),
        },
        removals: { value: 0 },
      }),
    );
    await store.findManifest(node, large.digest);
    expect(store.recallManifest(node, large.digest)).toBeUndefined();
    const digests = Array.from({ length: 40 }, (_, number) => makeDigest(String(number)));
    for (const each of digests) await store.findManifest(node, each);
    const kept = digests.filter((each) => store.recallManifest(node, each) !== undefined);
    expect(kept).toEqual(digests.slice(-16));
  });
});
