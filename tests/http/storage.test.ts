import { readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { blobFile } from "../support/storage-files.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = makeImage({ layers: [200_000] });

describe("a blob file on disk", () => {
  const layer = image.layers[0]?.digest ?? image.config.digest;

  test.each([
    ["cut short", (file: string) => truncate(file, 1000), 1],
    ["too long", (file: string) => writeFile(file, "x", { flag: "a" }), 1],
    ["emptied", (file: string) => truncate(file, 0), 1],
    ["gone", (file: string) => rm(file), 0],
  ])("that is %s is a miss and is fetched again", async (_, damage, movedAside) => {
    await using registry = await FakeRegistry.start({ cdn: {} });
    registry.addImage("library/app", "latest", image);
    await using dir = await makeTempDir();
    const options = { endpoints: [registry.url], storage: dir.path };
    {
      await using mirror = await TestMirror.start(options);
      await pull(mirror, "app", "latest", image);
    }
    await using mirror = await TestMirror.start(options);
    await damage(blobFile(dir.path, layer));
    expect((await pull(mirror, "app", "latest", image)).blobs).toEqual(["HIT", "MISS"]);
    expect((await pull(mirror, "app", "latest", image)).blobs).toEqual(["HIT", "HIT"]);
    const { integrity } = await mirror.run("stats", {});
    expect(integrity.damagedSinceStart).toBe(movedAside);
  });
});

describe("a metadata database", () => {
  const losses: [string, (storage: string) => Promise<void>][] = [
    ["is gone", removeDatabase],
    [
      "is garbage",
      async (storage) => {
        await removeDatabase(storage);
        await writeFile(join(storage, "metadata.db"), Buffer.alloc(50_000, "garbage "));
      },
    ],
  ];

  test.each(losses)("that %s is begun anew; blobs are found again on disk", async (_, lose) => {
    await using registry = await FakeRegistry.start({ cdn: {} });
    registry.addImage("library/app", "latest", image);
    await using dir = await makeTempDir();
    const options = { endpoints: [registry.url], storage: dir.path };
    {
      await using mirror = await TestMirror.start(options);
      await pull(mirror, "app", "latest", image);
    }
    await lose(dir.path);
    registry.journal.clear();
    await using mirror = await TestMirror.start(options);
    const outcome = await pull(mirror, "app", "latest", image);
    expect(outcome).toEqual({ tag: "MISS", blobs: ["HIT", "HIT"] });
    expect(registry.journal.bytesSent({ kind: "blob" })).toBe(0);
  });

  test("that is damaged is kept aside", async () => {
    await using registry = await FakeRegistry.start();
    await using dir = await makeTempDir();
    await writeFile(join(dir.path, "metadata.db"), Buffer.alloc(50_000, "garbage "));
    await using mirror = await TestMirror.start({ endpoints: [registry.url], storage: dir.path });
    const kept = (await readdir(dir.path)).filter((name) => name.includes("damaged"));
    expect(kept).toHaveLength(1);
    expect(mirror.log.some(({ level, msg }) => level === "warn" && msg.includes("damaged"))).toBe(
      true,
    );
  });

  test("whose blobs were changed while their records were lost is found out", async () => {
    await using registry = await FakeRegistry.start({ cdn: {} });
    registry.addImage("library/app", "latest", image);
    await using dir = await makeTempDir();
    const options = { endpoints: [registry.url], storage: dir.path };
    {
      await using mirror = await TestMirror.start(options);
      await pull(mirror, "app", "latest", image);
    }
    await removeDatabase(dir.path);
    const layer = image.layers[0]?.digest ?? image.config.digest;
    await writeFile(blobFile(dir.path, layer), Buffer.alloc(200_000));
    await using mirror = await TestMirror.start(options);
    expect((await pull(mirror, "app", "latest", image)).blobs).toEqual(["HIT", "MISS"]);
  });
});

describe("a storage path", () => {
  test("that is a file is an error that says so", async () => {
    await using dir = await makeTempDir();
    const storage = join(dir.path, "file");
    await writeFile(storage, "");
    const starting = TestMirror.start({ endpoints: ["http://127.0.0.1:1"], storage });
    await expect(starting).rejects.toThrow(`cannot use storage.path ${storage}`);
  });

  test("that another mirror holds is an error that says so", async () => {
    await using dir = await makeTempDir();
    const options = { endpoints: ["http://127.0.0.1:1"], storage: dir.path };
    await using first = await TestMirror.start(options);
    expect((await first.get("/v2/")).status).toBe(200);
    await expect(TestMirror.start(options)).rejects.toThrow("cannot use storage.path");
  });
});

async function removeDatabase(storage: string): Promise<void> {
  for (const name of await readdir(storage)) {
    if (name.startsWith("metadata.db")) await rm(join(storage, name));
  }
}
