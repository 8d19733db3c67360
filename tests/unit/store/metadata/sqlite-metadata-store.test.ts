import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import SqliteDatabase from "better-sqlite3";
import { pino } from "pino";
import { SqliteMetadataStore } from "../../../../src/store/metadata/sqlite-metadata-store.ts";
import { describeRemovals } from "../../../contract/metadata-removals.ts";
import { describeMetadataStore } from "../../../contract/metadata-store.ts";
import { describePinStore } from "../../../contract/pin-store.ts";
import { describeUpkeepStore } from "../../../contract/upkeep-store.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";
import { makeRecordingLog } from "./recording-log.ts";
import { makeRound, repository } from "./rounds.ts";

const log = pino({ enabled: false });

function openFile(directory: string): Promise<SqliteMetadataStore> {
  return SqliteMetadataStore.open({ path: join(directory, "metadata.db"), log });
}

describeMetadataStore("a SQLite file", openFile);
describeUpkeepStore("a SQLite file", openFile);
describePinStore("a SQLite file", openFile);
describeRemovals("a SQLite file", openFile);

async function openMemory(): Promise<SqliteMetadataStore> {
  return SqliteMetadataStore.openInMemory({ log });
}

describeMetadataStore("SQLite in memory", openMemory);
describeUpkeepStore("SQLite in memory", openMemory);

describe("SqliteMetadataStore", () => {
  const { manifest, layer, tag } = makeRound(1);

  test("keeps everything over a restart, and leaves one file behind", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "deep", "metadata.db");
    {
      await using store = await SqliteMetadataStore.open({ path, log });
      await store.saveManifest({
        repository,
        manifest,
        references: [layer],
        subject: undefined,
        at: 1000,
      });
      await store.saveTag(repository, tag, manifest.digest, 1000);
    }
    expect(await readdir(join(directory.path, "deep"))).toEqual(["metadata.db"]);
    await using store = await SqliteMetadataStore.open({ path, log });
    expect((await store.findTag(repository, tag))?.digest).toBe(manifest.digest);
    expect((await store.findManifest(repository, manifest.digest)).content).toBeDefined();
    expect(await store.findDescribedSize(repository, layer.digest)).toBe(layer.size);
  });

  test("says that blobs may lack records until told otherwise, restarts included", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    {
      await using store = await SqliteMetadataStore.open({ path, log });
      expect(store.rebuilt).toBe(true);
    }
    {
      await using store = await SqliteMetadataStore.open({ path, log });
      expect(store.rebuilt).toBe(true);
      await store.finishRebuild();
      expect(store.rebuilt).toBe(false);
    }
    await using store = await SqliteMetadataStore.open({ path, log });
    expect(store.rebuilt).toBe(false);
  });

  test("refuses a database that another server holds", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    await using store = await SqliteMetadataStore.open({ path, log });
    await expect(SqliteMetadataStore.open({ path, log })).rejects.toMatchObject({
      name: "MetadataError",
      failure: "in-use",
    });
    await store.saveTag(repository, tag, manifest.digest, 1000);
    expect(await store.findTag(repository, tag)).toBeDefined();
  });

  test("fails as a MetadataError where there can be no directory", async () => {
    await using directory = await makeTempDir();
    const file = join(directory.path, "metadata.db");
    await (await SqliteMetadataStore.open({ path: file, log }))[Symbol.asyncDispose]();
    await expect(
      SqliteMetadataStore.open({ path: join(file, "metadata.db"), log }),
    ).rejects.toMatchObject({ name: "MetadataError", failure: "failed" });
  });

  test("removes a manifest whose bytes have changed on disk, and says so", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    {
      await using store = await SqliteMetadataStore.open({ path, log });
      await store.saveManifest({
        repository,
        manifest,
        references: [],
        subject: undefined,
        at: 1000,
      });
    }
    const database = new SqliteDatabase(path);
    database.prepare("UPDATE manifests SET bytes = CAST('{}' AS BLOB)").run();
    database.close();
    const { log: recordingLog, lines } = makeRecordingLog();
    await using store = await SqliteMetadataStore.open({ path, log: recordingLog });
    const damaged = { linked: true, content: undefined };
    expect(await store.findManifest(repository, manifest.digest)).toEqual(damaged);
    expect(await store.findManifest(repository, manifest.digest)).toEqual(damaged);
    expect(lines).toMatchObject([{ level: 40, digest: manifest.digest }]);
  });

  test("has everything it acknowledged after kill -9 in the middle of writing", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "metadata.db");
    const acknowledged = await killAfter(400, path);
    expect(acknowledged.length).toBeGreaterThanOrEqual(400);
    const { log: recordingLog, lines } = makeRecordingLog();
    await using store = await SqliteMetadataStore.open({ path, log: recordingLog });
    for (const number of acknowledged) {
      const round = makeRound(number);
      const { digest } = round.manifest;
      expect((await store.findTag(repository, round.tag))?.digest).toBe(digest);
      expect((await store.findManifest(repository, digest)).content?.digest).toBe(digest);
      const blob = { linked: true, content: { size: number, checkedAt: number } };
      expect(await store.findBlob(repository, round.layer.digest)).toEqual(blob);
    }
    expect(lines).toEqual([]);
  });
});

/** Runs a process that writes without a pause, kills it, and says what it acknowledged. */
async function killAfter(count: number, path: string): Promise<number[]> {
  const script = fileURLToPath(new URL("writing-process.ts", import.meta.url));
  const child = spawn(process.execPath, [script, path], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const acknowledged: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(Number(line));
    if (acknowledged.length === count) child.kill("SIGKILL");
  }
  expect(await exited).toEqual([null, "SIGKILL"]);
  return acknowledged;
}
