import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { makeBlob } from "../../support/images.ts";
import { readBytes } from "../../support/read-blob.ts";
import { blobFile } from "../../support/storage-files.ts";
import { StorageParts } from "../../support/storage-parts.ts";

const blob = makeBlob(5000);
const unchecked = { size: 5000, checkedAt: undefined };

/** With the blob's record, and a file that has its size only. */
async function startDamaged(checkedAt?: number): Promise<StorageParts> {
  const parts = await StorageParts.start();
  await parts.add({ ...blob, bytes: Buffer.alloc(5000) }, checkedAt);
  return parts;
}

describe("a damaged blob on disk", () => {
  test("is hashed and moved aside once, however many ask for it", async () => {
    await using parts = await startDamaged();
    const asking = Array.from({ length: 10 }, () => parts.stored.open(blob.digest, unchecked));
    expect(await Promise.all(asking)).toEqual(Array.from({ length: 10 }, () => undefined));
    expect(parts.stored.damagedSinceStart).toBe(1);
    expect(await parts.listLeftovers()).toEqual([{ kind: "quarantined", digest: blob.digest }]);
    expect(await parts.listRecords()).toEqual([]);
    expect(parts.logLines).toHaveLength(1);
  });

  test("is deleted where it cannot be moved aside", async () => {
    await using parts = await startDamaged();
    await writeFile(join(parts.path, "quarantine"), "in the way");
    expect(await parts.stored.open(blob.digest, unchecked)).toBeUndefined();
    expect(await parts.blobs.stat(blob.digest)).toBeUndefined();
    expect(await parts.listRecords()).toEqual([]);
    expect(parts.logLines.at(-1)?.msg).toContain("it is deleted");
  });

  test("is left to whoever is removing it already", async () => {
    await using parts = await startDamaged();
    await parts.departures.during([blob.digest], async () => {
      expect(await parts.stored.open(blob.digest, unchecked)).toBeUndefined();
    });
    expect(await parts.blobs.stat(blob.digest)).toBeDefined();
    expect(parts.stored.damagedSinceStart).toBe(0);
  });
});

describe("a blob that a client reads", () => {
  const checked = { size: 5000, checkedAt: 1 };

  test("is in doubt once the disk does not give it back", async () => {
    await using parts = await startDamaged(1);
    await using reader = await parts.stored.open(blob.digest, checked);
    await truncate(blobFile(parts.path, blob.digest), 100);
    await expect(reader && readBytes(reader)).rejects.toThrow("ends at 100");
    expect((await parts.listRecords())[0]?.checkedAt).toBeUndefined();
    expect(parts.logLines).toMatchObject([{ level: "warn", digest: blob.digest }]);
  });

  test("is not in doubt because the client leaves", async () => {
    await using parts = await startDamaged(1);
    const reader = await parts.stored.open(blob.digest, checked);
    await reader?.[Symbol.asyncDispose]();
    await expect(reader?.read(Buffer.alloc(10), 0)).rejects.toThrow();
    expect((await parts.listRecords())[0]?.checkedAt).toBe(1);
    expect(parts.logLines).toEqual([]);
  });
});
