import { readSync } from "node:fs";
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
  await partial.write(0, Buffer.from(blob.bytes));
  await partial.flush();
}

async function takeNothing(): Promise<number> {
  throw new Error("there is nothing to take");
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

  test("is begun, and moved into place, in a storage whose directories vanished", async () => {
    await using place = await openStore();
    for (const name of ["partial", "blobs"]) await rm(join(place.path, name), { recursive: true });
    await using partial = await place.store.partial(blob.digest);
    await fill(partial);
    await rm(join(place.path, "blobs"), { recursive: true });
    await partial.verify();
    await partial.commit();
    expect(await place.store.stat(blob.digest)).toMatchObject({ size: blob.bytes.length });
  });

  test("whose bytes cannot be read back for its digest is a failure of the storage", async () => {
    await using place = await openStore();
    await using partial = await place.store.partial(blob.digest);
    await fill(partial);
    await truncate(partialFile(place.path, blob.digest), 10);
    await expect(partial.verify()).rejects.toMatchObject({
      name: "StorageError",
      message: expect.stringContaining("reading a partial blob back failed"),
    });
  });

  test("transfers what is in its file, without the last byte, and keeps it open until then", async () => {
    await using place = await openStore();
    const partial = await place.store.partial(blob.digest);
    partial.setSize(blob.bytes.length);
    const reader = partial.read();
    expect(await reader.transfer(takeNothing, 0, 10)).toBe(0);
    await fill(partial);
    expect(await reader.transfer(async () => 7, 99_990, 100)).toBe(7);
    const taking = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const found = reader.transfer(
      async (descriptor, position, count) => {
        taking.resolve();
        await goOn.promise;
        return readSync(descriptor, Buffer.alloc(count), 0, count, position);
      },
      99_000,
      10_000,
    );
    await taking.promise;
    await reader[Symbol.asyncDispose]();
    await partial[Symbol.asyncDispose]();
    expect(await listOpenBlobFiles(place.path)).toHaveLength(1);
    goOn.resolve();
    expect(await found).toBe(999);
    expect(await listOpenBlobFiles(place.path)).toEqual([]);
    expect(await reader.transfer(takeNothing, 0, 10)).toBe(0);
  });
});
