import { appendFile, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { digestHex, type Digest } from "../../../../src/oci/digest.ts";
import { DiskBlobStore } from "../../../../src/store/blob/disk-blob-store.ts";
import { describeBlobStore } from "../../../contract/blob-store.ts";
import { makeBlob } from "../../../support/images.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";

async function openStore(path: string): Promise<DiskBlobStore> {
  const store = DiskBlobStore.at(path);
  await store.prepare();
  return store;
}

describeBlobStore("DiskBlobStore", openStore);

const mib = 1024 * 1024;

function partialPath(root: string, digest: Digest): string {
  return join(root, "partial", `sha256-${digestHex(digest)}`);
}

/** As a kill leaves it behind that is followed by a restart of the machine. */
async function forgetSync(path: string): Promise<void> {
  const record = JSON.parse(await readFile(`${path}.json`, "utf8"));
  await writeFile(`${path}.json`, JSON.stringify({ ...record, bootId: "an earlier one" }));
}

async function leavePartial(root: string, size = 2 * mib): Promise<Digest> {
  const blob = makeBlob(size);
  await using store = await openStore(root);
  await using partial = await store.partial(blob.digest);
  partial.setSize(size);
  await partial.write(0, blob.bytes.subarray(0, size / 2));
  return blob.digest;
}

describe("a partial blob left on disk", () => {
  test.each([
    ["its record is gone", (path: string) => rm(`${path}.json`)],
    ["its record is cut short", (path: string) => truncate(`${path}.json`, 5)],
    [
      "its record is not of our making",
      (path: string) => writeFile(`${path}.json`, '{"extents":3}'),
    ],
    ["its bytes are fewer than recorded", (path: string) => truncate(path, 1000)],
    ["its bytes are gone", (path: string) => rm(path)],
    ["it was not synced before the machine went down", forgetSync],
  ])("is begun anew when %s", async (_, damage) => {
    await using dir = await makeTempDir();
    const digest = await leavePartial(dir.path);
    await damage(partialPath(dir.path, digest));
    await using store = await openStore(dir.path);
    await using partial = await store.partial(digest);
    expect(partial.extents.total).toBe(0);
    expect(partial.size).toBeUndefined();
  });

  test("keeps what is recorded when the file has more", async () => {
    await using dir = await makeTempDir();
    const digest = await leavePartial(dir.path);
    await appendFile(partialPath(dir.path, digest), Buffer.alloc(500));
    await using store = await openStore(dir.path);
    await using partial = await store.partial(digest);
    expect(partial.extents.toArray()).toEqual([{ start: 0, end: mib }]);
  });

  test("is gone without a trace once committed or discarded", async () => {
    await using dir = await makeTempDir();
    const blob = makeBlob(2 * mib);
    const digest = await leavePartial(dir.path);
    await using store = await openStore(dir.path);
    {
      await using partial = await store.partial(digest);
      await partial.write(mib, blob.bytes.subarray(mib));
      await partial.verify();
      await partial.commit();
    }
    const other = await leavePartial(dir.path, mib);
    {
      await using partial = await store.partial(other);
      await partial.discard(new Error("not wanted"));
    }
    expect(await readdir(join(dir.path, "partial"))).toEqual([]);
  });
});

describe("DiskBlobStore", () => {
  test("says why it cannot be opened", async () => {
    await using dir = await makeTempDir();
    const path = join(dir.path, "file");
    await writeFile(path, "");
    await expect(openStore(path)).rejects.toThrow("preparing");
  });

  test("passes over files that are not blobs", async () => {
    await using dir = await makeTempDir();
    await using store = await openStore(dir.path);
    await mkdir(join(dir.path, "blobs/sha256/ab"), { recursive: true });
    await writeFile(join(dir.path, "blobs/sha256/ab/abc"), "x");
    await writeFile(join(dir.path, "blobs/README"), "x");
    const listing = store.list()[Symbol.asyncIterator]();
    expect(await listing.next()).toMatchObject({ done: true });
  });

  test("reports a write that fails, then and ever after", async () => {
    await using dir = await makeTempDir();
    await using store = await openStore(dir.path);
    const blob = makeBlob(1000);
    await using partial = await store.partial(blob.digest);
    partial.setSize(1000);
    await using reader = partial.read();
    const failed = expect(reader.read(Buffer.alloc(10), 0)).rejects.toThrow("writing");
    // No file system takes a byte at this offset.
    await partial.write(2 ** 53 - 1, blob.bytes);
    await expect(partial.flush()).rejects.toThrow("writing a partial blob failed");
    await expect(partial.write(0, blob.bytes)).rejects.toThrow("writing a partial blob failed");
    await failed;
  });
});
