import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { PartialBlob } from "../../../../src/store/blob/blob-store.ts";
import { DiskBlobStore } from "../../../../src/store/blob/disk-blob-store.ts";
import { makeBlob } from "../../../support/images.ts";
import { readBytes } from "../../../support/read-blob.ts";
import { blobFile, listOpenBlobFiles, partialFile } from "../../../support/storage-files.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";

const blob = makeBlob(100_000);

async function openStore() {
  const dir = await makeTempDir();
  const store = DiskBlobStore.at(dir.path);
  await store.prepare();
  return { path: dir.path, store, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

async function fill(partial: PartialBlob, size = blob.bytes.length): Promise<void> {
  partial.setSize(size);
  await partial.write(0, blob.bytes);
  await partial.flush();
}

describe("a partial blob on disk", () => {
  test("that cannot be opened leaves no file open", async () => {
    await using place = await openStore();
    await mkdir(`${partialFile(place.path, blob.digest)}.json`);
    await expect(place.store.partial(blob.digest)).rejects.toMatchObject({ name: "StorageError" });
    expect(await listOpenBlobFiles(place.path)).toEqual([]);
  });

  test("that has more bytes than the blob does not give out the last one either", async () => {
    await using place = await openStore();
    await using partial = await place.store.partial(blob.digest);
    await fill(partial, 50_000);
    await using reader = partial.read();
    expect(await reader.read(Buffer.alloc(100_000), 0)).toBe(49_999);
    const last = expect(reader.read(Buffer.alloc(10), 49_999)).rejects.toThrow("it is wrong");
    await expect(partial.verify()).rejects.toThrow("and no others");
    partial.abandon(new Error("it is wrong"));
    await last;
  });

  test("that cannot be moved into place is there, whole, for the next time", async () => {
    await using place = await openStore();
    const directory = dirname(blobFile(place.path, blob.digest));
    await mkdir(dirname(directory), { recursive: true });
    await writeFile(directory, "");
    {
      await using partial = await place.store.partial(blob.digest);
      await fill(partial);
      await partial.verify();
      await expect(partial.commit()).rejects.toThrow("moving a blob into place failed");
    }
    await rm(directory);
    await using again = await place.store.partial(blob.digest);
    expect(again.extents.total).toBe(blob.bytes.length);
    await again.verify();
    expect(await again.commit()).toEqual({ digest: blob.digest, size: blob.bytes.length });
  });

  test("that cannot be removed says so", async () => {
    await using place = await openStore();
    await using partial = await place.store.partial(blob.digest);
    const path = partialFile(place.path, blob.digest);
    await rm(path);
    await mkdir(join(path, "directory"), { recursive: true });
    await expect(partial.discard(new Error("not wanted"))).rejects.toMatchObject({
      name: "StorageError",
      message: expect.stringContaining("removing a partial blob failed"),
    });
  });

  test("whose file was cut short is a failure of the storage", async () => {
    await using place = await openStore();
    await using partial = await place.store.partial(blob.digest);
    await fill(partial);
    await using reader = partial.read();
    await truncate(partialFile(place.path, blob.digest), 10);
    await expect(readBytes(reader)).rejects.toMatchObject({ name: "StorageError" });
  });
});
