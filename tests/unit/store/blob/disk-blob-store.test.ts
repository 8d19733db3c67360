import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { digestAlgorithm, digestHex, digestOf, type Digest } from "../../../../src/oci/digest.ts";
import { DiskBlobStore } from "../../../../src/store/blob/disk-blob-store.ts";
import { describeBlobStore } from "../../../contract/blob-store.ts";
import { collect } from "../../../support/collect.ts";
import { makeBlob } from "../../../support/images.ts";
import { blobFile } from "../../../support/storage-files.ts";
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

async function leaveDraftOnly(path: string): Promise<void> {
  await rename(`${path}.json`, `${path}.json.new`);
  await rm(path);
}

async function replaceRecordByDirectory(path: string): Promise<void> {
  await rm(`${path}.json`);
  await mkdir(`${path}.json`);
}

async function leavePartial(root: string, size = 2 * mib): Promise<Digest> {
  const blob = makeBlob(size);
  await using store = await openStore(root);
  await using partial = await store.partial(blob.digest);
  partial.setSize(size);
  await partial.write(0, blob.bytes.subarray(0, size / 2));
  return blob.digest;
}

const damages: [string, (path: string) => Promise<void>][] = [
  ["its record is gone", (path) => rm(`${path}.json`)],
  ["its record is cut short", (path) => truncate(`${path}.json`, 5)],
  ["its record is not of our making", (path) => writeFile(`${path}.json`, '{"extents":3}')],
  ["its bytes are fewer than recorded", (path) => truncate(path, 1000)],
  ["its bytes are gone", (path) => rm(path)],
  ["it was not synced before the machine went down", forgetSync],
];

describe("a partial blob left on disk", () => {
  test.each(damages)("is begun anew when %s", async (_, damage) => {
    await using dir = await makeTempDir();
    const digest = await leavePartial(dir.path);
    await damage(partialPath(dir.path, digest));
    await using store = await openStore(dir.path);
    await using partial = await store.partial(digest);
    expect(partial.extents.total).toBe(0);
    expect(partial.size).toBeUndefined();
  });

  test.each([
    ...damages,
    ["there is the draft of a record only", leaveDraftOnly],
    ["its record is a directory", replaceRecordByDirectory],
  ])("is told to be of no use when %s", async (_, damage) => {
    await using dir = await makeTempDir();
    const digest = await leavePartial(dir.path);
    await damage(partialPath(dir.path, digest));
    await using store = await openStore(dir.path);
    const leftovers = await collect(store.listLeftovers());
    expect(leftovers).toMatchObject([{ kind: "partial", digest, isSound: false }]);
  });

  test("goes with all that belongs to it", async () => {
    await using dir = await makeTempDir();
    const digest = await leavePartial(dir.path);
    await writeFile(`${partialPath(dir.path, digest)}.json.new`, "{");
    await using store = await openStore(dir.path);
    await store.deleteLeftover({ kind: "partial", digest });
    expect(await readdir(join(dir.path, "partial"))).toEqual([]);
  });

  test("that cannot be removed says so", async () => {
    await using dir = await makeTempDir();
    const digest = await leavePartial(dir.path);
    await replaceRecordByDirectory(partialPath(dir.path, digest));
    await using store = await openStore(dir.path);
    await expect(store.deleteLeftover({ kind: "partial", digest })).rejects.toMatchObject({
      name: "StorageError",
      message: expect.stringContaining("removing a partial blob failed"),
    });
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

  test("passes over what is not its own", async () => {
    await using dir = await makeTempDir();
    await using store = await openStore(dir.path);
    const { digest } = makeBlob(10);
    const hex = digestHex(digest);
    const strangers = [
      "blobs/sha256/ab/abc",
      "blobs/README",
      "blobs/sha256/README",
      `blobs/sha256/00/${hex}`,
      `blobs/sha256/${hex}`,
      `blobs/md5/${hex.slice(0, 2)}/${hex}`,
      `blobs/sha256/${hex.slice(0, 2)}/${hex}.bak`,
      "partial/README",
      `partial/${hex}`,
      `partial/sha256-${hex}.json.bak`,
      `partial/sha256-${hex}.new`,
      `partial/sha256-${hex.slice(1)}`,
      "quarantine/README",
      `quarantine/sha256-${hex}.json`,
    ];
    for (const stranger of strangers) {
      const path = join(dir.path, stranger);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, "x");
    }
    await mkdir(join(dir.path, "blobs/sha256", hex.slice(0, 2), hex), { recursive: true });
    await mkdir(join(dir.path, `partial/sha256-${hex}`));
    expect(await collect(store.list())).toEqual([]);
    expect(await collect(store.listLeftovers())).toEqual([]);
  });

  test("lists blobs of either algorithm in digest order, wherever they came from", async () => {
    await using dir = await makeTempDir();
    await using store = await openStore(dir.path);
    const bytes = Array.from({ length: 300 }, (_, index) => Buffer.from(`content ${index}`));
    const digests = bytes.flatMap((each) => [digestOf(each), digestOf(each, "sha512")]);
    for (const digest of digests) {
      const hex = digestHex(digest);
      const directory = join(dir.path, "blobs", digestAlgorithm(digest), hex.slice(0, 2));
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, hex), "");
    }
    expect(await collect(store.list())).toEqual(digests.toSorted());
  });

  test("tells when a blob was moved aside, however old it is", async () => {
    await using dir = await makeTempDir();
    await using store = await openStore(dir.path);
    const { digest, bytes } = makeBlob(10);
    const path = blobFile(dir.path, digest);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    await utimes(path, 1000, 1000);
    const before = Date.now();
    await store.quarantine(digest);
    const [leftover] = await collect(store.listLeftovers());
    // File systems tell the time with a coarser clock.
    expect(leftover?.changedAt).toBeGreaterThan(before - 1000);
  });

  test("says why a blob cannot be moved aside, and why it cannot list", async () => {
    await using dir = await makeTempDir();
    await using store = await openStore(dir.path);
    await writeFile(join(dir.path, "quarantine"), "");
    await expect(store.quarantine(makeBlob(1).digest)).rejects.toMatchObject({
      name: "StorageError",
      failure: "refused",
    });
    await expect(collect(store.listLeftovers())).rejects.toMatchObject({
      name: "StorageError",
    });
  });

  test("says that it cannot measure what is not there", async () => {
    await using dir = await makeTempDir();
    const store = DiskBlobStore.at(join(dir.path, "missing"));
    await expect(store.measureSpace()).rejects.toMatchObject({ name: "StorageError" });
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
    await expect(partial.write(2 ** 53 - 1, Buffer.from(blob.bytes))).rejects.toThrow("writing");
    await expect(partial.flush()).rejects.toThrow("writing a partial blob failed");
    await expect(partial.write(0, Buffer.from(blob.bytes))).rejects.toThrow(
      "writing a partial blob failed",
    );
    await failed;
  });
});

describe("the space of a blob that is deleted while readers have it open", () => {
  const tib = 1024 ** 4;

  test("counts as free, as it will be without any doing once they let go", async () => {
    await using directory = await makeTempDir();
    await using store = await openStore(directory.path);
    const { digest } = makeBlob(1);
    const path = blobFile(directory.path, digest);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "");
    // With a hole for the most part: far more than what others write meanwhile.
    await truncate(path, 4 * tib);
    const { free } = await store.measureSpace();
    const readers = [await store.open(digest), await store.open(digest)];
    expect((await store.measureSpace()).free).toBeLessThan(free + tib);
    await store.delete(digest);
    for (const reader of readers) {
      expect((await store.measureSpace()).free).toBeGreaterThan(free + 3 * tib);
      await reader?.[Symbol.asyncDispose]();
    }
    expect((await store.measureSpace()).free).toBeLessThan(free + tib);
  });

  test("does not count where it is only read", async () => {
    await using directory = await makeTempDir();
    await using store = await openStore(directory.path);
    const { digest } = makeBlob(1);
    const path = blobFile(directory.path, digest);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "");
    await truncate(path, 4 * tib);
    const { free } = await store.measureSpace();
    const reader = await store.open(digest);
    await reader?.[Symbol.asyncDispose]();
    await store.delete(digest);
    expect((await store.measureSpace()).free).toBeLessThan(free + tib);
  });
});
