import { mkdir, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../../../../src/clock.ts";
import { SqliteMetadataStore } from "../../../../src/store/metadata/sqlite-metadata-store.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";
import { openRaw } from "./raw-database.ts";
import { makeRecordingLog } from "./recording-log.ts";
import { makeRound, repository } from "./rounds.ts";

const keptName = "metadata.db.damaged-2026-02-03T04-05-06.789Z";
const clock: Clock = {
  now: () => Date.parse("2026-02-03T04:05:06.789Z"),
  monotonic: () => 0,
  sleep: () => Promise.resolve(),
};
const pageSize = 4096;
const { log: quietLog } = makeRecordingLog();

/** A database with some hundred pages of manifests, closed. */
async function fillDatabase(path: string): Promise<void> {
  await using store = await SqliteMetadataStore.open({ path, log: quietLog });
  await store.finishRebuild();
  for (let number = 0; number < 200; number += 1) {
    const { manifest, layer, tag } = makeRound(number);
    await store.saveManifest({
      repository,
      manifest,
      references: [layer],
      subject: undefined,
      at: number,
    });
    await store.saveTag(repository, tag, manifest.digest, number);
  }
}

async function overwrite(path: string, start: number, end: number): Promise<void> {
  await using file = await open(path, "r+");
  await file.write(Buffer.alloc(end - start, 0xff), 0, end - start, start);
}

/** Spoils what the database grew by since it was made: opening it meets only what is before. */
async function damageContent(path: string): Promise<void> {
  await using directory = await makeTempDir();
  const empty = join(directory.path, "empty.db");
  await (await SqliteMetadataStore.open({ path: empty, log: quietLog }))[Symbol.asyncDispose]();
  await overwrite(path, (await stat(empty)).size, (await stat(path)).size);
}

describe("opening a damaged metadata database", () => {
  const damages: Record<string, (path: string) => Promise<unknown>> = {
    "is garbage": (path) => writeFile(path, Buffer.alloc(3 * pageSize, "garbage")),
    "is shorter than a header": (path) => writeFile(path, "SQLite"),
    "has a damaged header": (path) => overwrite(path, 0, 100),
    "has a damaged schema": (path) => overwrite(path, 100, pageSize),
    "belongs to another application": async (path) => {
      using database = openRaw(path);
      database.pragma("application_id = 1");
    },
  };

  test.each(Object.keys(damages))("keeps a file that %s and begins a new one", async (kind) => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    await fillDatabase(path);
    await damages[kind]?.(path);
    const damaged = await readFile(path);
    const { log, lines } = makeRecordingLog();

    await using store = await SqliteMetadataStore.open({ path, log, clock });

    expect(store.rebuilt).toBe(true);
    expect(await store.findTag(repository, makeRound(7).tag)).toBeUndefined();
    const { manifest, tag } = makeRound(7);
    await store.saveTag(repository, tag, manifest.digest, 1000);
    expect((await store.findTag(repository, tag))?.digest).toBe(manifest.digest);
    const kept = join(directory.path, keptName);
    expect((await readFile(kept)).equals(damaged)).toBe(true);
    expect(lines).toMatchObject([{ level: 40, keptAs: kept }]);
  });

  test("keeps what a reader left beside it", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    await writeFile(path, "garbage".repeat(1000));
    await writeFile(`${path}-shm`, "left over");
    await using store = await SqliteMetadataStore.open({ path, log: quietLog, clock });
    expect(store.rebuilt).toBe(true);
    expect(await readFile(join(directory.path, `${keptName}-shm`), "utf8")).toBe("left over");
  });

  test("keeps one that is damaged again in the same millisecond under another name", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    for (const content of ["first".repeat(1000), "second".repeat(1000)]) {
      await writeFile(path, content);
      await using store = await SqliteMetadataStore.open({ path, log: quietLog, clock });
      expect(store.rebuilt).toBe(true);
    }
    const names = (await readdir(directory.path)).toSorted();
    expect(names).toEqual(["metadata.db", keptName, `${keptName}-2`]);
  });

  test("takes an empty file for a new database", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    await writeFile(path, "");
    await using store = await SqliteMetadataStore.open({ path, log: quietLog });
    expect(store.rebuilt).toBe(true);
    expect(await readdir(directory.path)).not.toContain(keptName);
  });
});

describe("a metadata database found damaged in use", () => {
  test("is set aside, and the call is answered from a new one", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    await fillDatabase(path);
    await damageContent(path);
    const { log, lines } = makeRecordingLog();
    let rebuilds = 0;
    const onRebuilt = () => void (rebuilds += 1);
    await using store = await SqliteMetadataStore.open({ path, log, clock, onRebuilt });
    expect(lines).toEqual([]);
    const { manifest, tag } = makeRound(7);

    expect(await store.findTag(repository, tag)).toBeUndefined();

    expect(rebuilds).toBe(1);
    expect(store.rebuilt).toBe(true);
    expect(lines).toMatchObject([{ level: 40, keptAs: join(directory.path, keptName) }]);
    await store.saveManifest({
      repository,
      manifest,
      references: [],
      subject: undefined,
      at: 1000,
    });
    expect((await store.findManifest(repository, manifest.digest)).content).toBeDefined();
    expect(rebuilds).toBe(1);
  });

  test("takes the write that found it into the new one", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    await fillDatabase(path);
    await damageContent(path);
    const { manifest, layer } = makeRound(500);
    {
      await using store = await SqliteMetadataStore.open({ path, log: quietLog, clock });
      await store.saveManifest({
        repository,
        manifest,
        references: [layer],
        subject: undefined,
        at: 1000,
      });
    }
    await using store = await SqliteMetadataStore.open({ path, log: quietLog, clock });
    const { content, linked } = await store.findManifest(repository, manifest.digest);
    expect(linked).toBe(true);
    expect(content?.digest).toBe(manifest.digest);
    expect(await readdir(directory.path)).toContain(keptName);
  });

  test("is replaced as soon as one can be made again", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "storage", "metadata.db");
    await fillDatabase(path);
    await damageContent(path);
    let rebuilds = 0;
    const onRebuilt = () => void (rebuilds += 1);
    await using store = await SqliteMetadataStore.open({ path, log: quietLog, clock, onRebuilt });
    const { tag } = makeRound(7);
    await rm(dirname(path), { recursive: true });

    await expect(store.findTag(repository, tag)).rejects.toMatchObject({ name: "MetadataError" });
    await expect(store.findTag(repository, tag)).rejects.toMatchObject({ name: "MetadataError" });
    expect(rebuilds).toBe(0);

    await mkdir(dirname(path));
    expect(await store.findTag(repository, tag)).toBeUndefined();
    expect(rebuilds).toBe(1);
  });
});
