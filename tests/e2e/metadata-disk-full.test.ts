import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { SqliteMetadataStore } from "../../src/store/metadata/sqlite-metadata-store.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { makeRound, repository } from "../unit/store/metadata/rounds.ts";

const run = promisify(execFile);
const log = pino({ enabled: false });

interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  remount(mode: "ro" | "rw"): Promise<void>;
}

/** A file system of 2 MiB. Mounting it needs root. */
async function mountSmallDisk(): Promise<SmallDisk> {
  const directory = await makeTempDir();
  const path = join(directory.path, "disk");
  await mkdir(path);
  await run("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path]);
  return {
    path,
    remount: async (mode) => void (await run("mount", ["-o", `remount,${mode}`, path])),
    [Symbol.asyncDispose]: async () => {
      await run("umount", [path]);
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Saves rounds until the store refuses one; says how many it has then, and the refusal. */
async function fillStore(
  store: SqliteMetadataStore,
  first = 0,
): Promise<{ count: number; error: unknown }> {
  for (let number = first; number < first + 1000; number += 1) {
    const { manifest, layer } = makeRound(number);
    try {
      await store.saveManifest({
        repository,
        manifest,
        references: [layer],
        subject: undefined,
        at: number,
      });
    } catch (error) {
      return { count: number, error };
    }
  }
  throw new Error("the disk does not fill up");
}

async function countReadable(store: SqliteMetadataStore, count: number): Promise<number> {
  let readable = 0;
  for (let number = 0; number < count; number += 1) {
    const { digest } = makeRound(number).manifest;
    const { linked, content } = await store.findManifest(repository, digest);
    if (linked && content) readable += 1;
  }
  return readable;
}

describe("the metadata store on a full disk", () => {
  test("reads on, says that it is full, and writes again once there is space", async () => {
    await using disk = await mountSmallDisk();
    const path = join(disk.path, "metadata.db");
    const ballast = join(disk.path, "ballast");
    await writeFile(ballast, Buffer.alloc(1024 * 1024));
    let count: number;
    {
      await using store = await SqliteMetadataStore.open({ path, log });
      const filled = await fillStore(store);
      count = filled.count;
      expect(filled.error).toMatchObject({ name: "MetadataError", failure: "full" });
      expect(count).toBeGreaterThan(10);
      expect(await countReadable(store, count)).toBe(count);
    }
    await writeFile(join(disk.path, "rest"), Buffer.alloc(2 * 1024 * 1024)).catch(() => undefined);

    await using store = await SqliteMetadataStore.open({ path, log });
    expect(await countReadable(store, count)).toBe(count);
    // What is free within its files may take a few more.
    const refilled = await fillStore(store, count);
    expect(refilled.error).toMatchObject({ name: "MetadataError", failure: "full" });
    const { manifest } = makeRound(refilled.count);
    const save = { repository, manifest, references: [], subject: undefined, at: 1000 };
    await rm(join(disk.path, "rest"));
    await rm(ballast);
    await store.saveManifest(save);
    expect(await countReadable(store, refilled.count + 1)).toBe(refilled.count + 1);
  });

  test("does not count a damaged manifest as present when it cannot be removed", async () => {
    await using disk = await mountSmallDisk();
    await using store = await SqliteMetadataStore.open({ path: join(disk.path, "db"), log });
    const { manifest } = makeRound(5000);
    const damaged = { ...manifest, bytes: Buffer.from("damaged") };
    await store.saveManifest({
      repository,
      manifest: damaged,
      references: [],
      subject: undefined,
      at: 1,
    });
    await fillStore(store);
    const absent = { linked: true, content: undefined };
    expect(await store.findManifest(repository, manifest.digest)).toEqual(absent);
  });
});

describe("the metadata store on a read-only disk", () => {
  test("says so, with a database as without", async () => {
    await using disk = await mountSmallDisk();
    const path = join(disk.path, "metadata.db");
    await (await SqliteMetadataStore.open({ path, log }))[Symbol.asyncDispose]();
    await disk.remount("ro");
    const refusal = { name: "MetadataError", failure: "read-only" };
    await expect(SqliteMetadataStore.open({ path, log })).rejects.toMatchObject(refusal);
    const other = join(disk.path, "other.db");
    await expect(SqliteMetadataStore.open({ path: other, log })).rejects.toMatchObject(refusal);
  });
});
