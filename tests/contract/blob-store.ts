import { describe, expect, test } from "@jest/globals";
import {
  DigestMismatchError,
  type BlobStore,
  type PartialBlob,
} from "../../src/store/blob/blob-store.ts";
import { collect } from "../support/collect.ts";
import { makeBlob, type TestBlob } from "../support/images.ts";
import { readBytes } from "../support/read-blob.ts";
import { makeTempDir } from "../support/temp-dir.ts";

const mib = 1024 * 1024;

/** What every blob store promises; `open` opens one on a directory, again and again. */
export function describeBlobStore(name: string, open: (path: string) => Promise<BlobStore>): void {
  describe(`${name} as a blob store`, () => {
    test("gives back what was committed, whole and from any position", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(3 * mib + 17);
      await commit(place.store, blob);
      await using reader = await place.store.open(blob.digest);
      expect(reader?.size).toBe(blob.bytes.length);
      expect(reader && (await readBytes(reader)).equals(blob.bytes)).toBe(true);
      const middle = reader && (await readBytes(reader, mib, mib + 5));
      expect(middle).toEqual(blob.bytes.subarray(mib, mib + 5));
    });

    test("knows nothing of a blob before it is committed", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(1000);
      await using partial = await place.store.partial(blob.digest);
      partial.setSize(1000);
      await partial.write(0, Buffer.from(blob.bytes));
      await partial.verify();
      expect(await place.store.stat(blob.digest)).toBeUndefined();
      expect(await place.store.open(blob.digest)).toBeUndefined();
      await partial.commit();
      await partial.persist();
      expect(await place.store.stat(blob.digest)).toEqual({ digest: blob.digest, size: 1000 });
    });

    test("takes the empty blob", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(0);
      await commit(place.store, blob);
      await using reader = await place.store.open(blob.digest);
      expect(reader?.size).toBe(0);
      expect(await reader?.read(Buffer.alloc(10), 0)).toBe(0);
    });

    test("takes chunks in any order", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(2 * mib);
      await using partial = await place.store.partial(blob.digest);
      partial.setSize(blob.bytes.length);
      for (const at of [mib, 0, mib + mib / 2, mib / 2]) {
        await partial.write(at, blob.bytes.subarray(at, at + mib / 2));
      }
      await partial.verify();
      await partial.commit();
      await using reader = await place.store.open(blob.digest);
      expect(reader && (await readBytes(reader)).equals(blob.bytes)).toBe(true);
    });

    test("lets readers follow a partial blob, and keeps the last byte back until it is released", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(mib);
      await using partial = await place.store.partial(blob.digest);
      partial.setSize(mib);
      await using reader = partial.read();
      const front = readBytes(reader, 0, mib - 1);
      const whole = readBytes(reader);
      await partial.write(0, blob.bytes.subarray(0, mib / 2));
      await partial.write(mib / 2, blob.bytes.subarray(mib / 2));
      expect((await front).equals(blob.bytes.subarray(0, mib - 1))).toBe(true);
      const isWhole = await Promise.race([whole.then(() => true), partial.flush()]);
      expect(isWhole).toBeUndefined();
      await partial.verify();
      await partial.commit();
      partial.release();
      expect((await whole).equals(blob.bytes)).toBe(true);
    });

    test("says where a reader waits", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(mib);
      await using partial = await place.store.partial(blob.digest);
      partial.setSize(mib);
      const waits: number[] = [];
      await using reader = partial.read((position) => waits.push(position));
      const read = reader.read(Buffer.alloc(10), 700_000);
      await partial.write(700_000, blob.bytes.subarray(700_000, 700_005));
      expect(await read).toBe(5);
      expect(waits).toEqual([700_000]);
    });

    test("refuses content with another digest, and forgets it when discarded", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(mib);
      await using partial = await place.store.partial(blob.digest);
      partial.setSize(mib);
      await using reader = partial.read();
      const whole = readBytes(reader);
      const failed = expect(whole).rejects.toThrow("instead of");
      const wrong = Buffer.from(blob.bytes);
      wrong[5] = (wrong[5] ?? 0) ^ 1;
      await partial.write(0, Buffer.from(wrong));
      await expect(partial.verify()).rejects.toThrow(DigestMismatchError);
      await partial.discard(new DigestMismatchError(blob.digest, makeBlob(1).digest));
      await failed;
      await partial[Symbol.asyncDispose]();
      await using again = await place.store.partial(blob.digest);
      expect(again.extents.total).toBe(0);
    });

    test("takes up a partial blob where an earlier run left it", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(2 * mib);
      await fill(place.store, blob, 0, mib);
      await using reopened = await open(place.path);
      await using partial = await reopened.partial(blob.digest);
      expect(partial.size).toBe(2 * mib);
      expect(partial.extents.toArray()).toEqual([{ start: 0, end: mib }]);
      await partial.write(mib, blob.bytes.subarray(mib));
      await partial.verify();
      await partial.commit();
      await using reader = await reopened.open(blob.digest);
      expect(reader && (await readBytes(reader)).equals(blob.bytes)).toBe(true);
    });

    test("finds out when what an earlier run left is wrong", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(2 * mib);
      await fill(place.store, { ...blob, bytes: Buffer.alloc(2 * mib) }, 0, mib);
      await using partial = await place.store.partial(blob.digest);
      await partial.write(mib, blob.bytes.subarray(mib));
      await expect(partial.verify()).rejects.toThrow(DigestMismatchError);
    });

    test("lets readers read on while the blob is deleted", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(mib);
      await commit(place.store, blob);
      await using reader = await place.store.open(blob.digest);
      expect(await place.store.delete(blob.digest)).toBe(true);
      expect(await place.store.delete(blob.digest)).toBe(false);
      expect(await place.store.stat(blob.digest)).toBeUndefined();
      expect(reader && (await readBytes(reader)).equals(blob.bytes)).toBe(true);
    });

    test("wakes readers when the partial blob is abandoned or they are closed", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(mib);
      await using partial = await place.store.partial(blob.digest);
      partial.setSize(mib);
      const closed = partial.read();
      const closing = expect(closed.read(Buffer.alloc(1), 0)).rejects.toThrow("closed");
      await closed[Symbol.asyncDispose]();
      await closing;
      await using reader = partial.read();
      const abandoned = expect(reader.read(Buffer.alloc(1), 0)).rejects.toThrow("upstream is gone");
      partial.abandon(new Error("upstream is gone"));
      await abandoned;
    });

    test("lists whole blobs, in digest order", async () => {
      await using place = await storeIn(open);
      const blobs = Array.from({ length: 20 }, (_, index) => makeBlob(10 + index));
      for (const blob of blobs) await commit(place.store, blob);
      await fill(place.store, makeBlob(40), 0, 10);
      const listed = await collect(place.store.list());
      expect(listed).toEqual(blobs.map(({ digest }) => digest).toSorted());
    });

    test("lists and measures before anything was put into it", async () => {
      await using place = await storeIn(open);
      expect(await collect(place.store.list())).toEqual([]);
      expect(await collect(place.store.listLeftovers())).toEqual([]);
      const { total, free } = await place.store.measureSpace();
      expect(total).toBeGreaterThan(0);
      expect(free).toBeGreaterThanOrEqual(0);
      expect(free).toBeLessThanOrEqual(total);
    });

    test("moves a damaged blob aside, in the place of an earlier one", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(100_000);
      await commit(place.store, blob);
      await using reader = await place.store.open(blob.digest);
      expect(await place.store.quarantine(blob.digest)).toBe(true);
      expect(await place.store.stat(blob.digest)).toBeUndefined();
      expect(reader && (await readBytes(reader)).equals(blob.bytes)).toBe(true);
      await commit(place.store, blob);
      expect(await place.store.quarantine(blob.digest)).toBe(true);
      const [leftover, ...others] = await collect(place.store.listLeftovers());
      expect(leftover).toMatchObject({ kind: "quarantined", digest: blob.digest, isSound: true });
      expect(leftover?.bytes).toBeGreaterThanOrEqual(100_000);
      expect(others).toEqual([]);
      expect(await place.store.quarantine(blob.digest)).toBe(false);
      expect(await place.store.quarantine(makeBlob(1).digest)).toBe(false);
    });

    test("counts of a partial blob what is there, without its holes", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(20 * mib);
      const before = Date.now();
      await fill(place.store, blob, 10 * mib, 11 * mib);
      const [leftover, ...others] = await collect(place.store.listLeftovers());
      expect(others).toEqual([]);
      expect(leftover).toMatchObject({ kind: "partial", digest: blob.digest, isSound: true });
      expect(leftover?.bytes).toBeGreaterThanOrEqual(mib);
      expect(leftover?.bytes).toBeLessThan(2 * mib);
      // File systems tell the time with a coarser clock.
      expect(leftover?.changedAt).toBeGreaterThan(before - 1000);
      expect(leftover?.changedAt).toBeLessThan(Date.now() + 1000);
    });

    test("deletes the leftover it is told to, and no other", async () => {
      await using place = await storeIn(open);
      const blob = makeBlob(mib);
      const other = makeBlob(mib + 1);
      await commit(place.store, blob);
      await place.store.quarantine(blob.digest);
      await commit(place.store, blob);
      await fill(place.store, blob, 0, 1000);
      await fill(place.store, other, 0, 1000);
      const kinds = async () => {
        const left = await collect(place.store.listLeftovers());
        return left.map(({ kind, digest }) => `${kind} ${digest}`).toSorted();
      };
      await place.store.deleteLeftover({ kind: "partial", digest: blob.digest });
      expect(await kinds()).toEqual([`partial ${other.digest}`, `quarantined ${blob.digest}`]);
      await place.store.deleteLeftover({ kind: "quarantined", digest: blob.digest });
      await place.store.deleteLeftover({ kind: "quarantined", digest: blob.digest });
      expect(await kinds()).toEqual([`partial ${other.digest}`]);
      expect(await place.store.stat(blob.digest)).toBeDefined();
      await using partial = await place.store.partial(blob.digest);
      expect(partial.extents.total).toBe(0);
    });
  });
}

async function storeIn(open: (path: string) => Promise<BlobStore>) {
  const dir = await makeTempDir();
  const store = await open(dir.path);
  return {
    path: dir.path,
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

async function commit(blobs: BlobStore, blob: TestBlob): Promise<void> {
  await using partial: PartialBlob = await blobs.partial(blob.digest);
  partial.setSize(blob.bytes.length);
  if (blob.bytes.length > 0) await partial.write(0, Buffer.from(blob.bytes));
  await partial.verify();
  await partial.commit();
}

/** Leaves a partial blob with the bytes of one range. */
async function fill(blobs: BlobStore, blob: TestBlob, start: number, end: number): Promise<void> {
  await using partial = await blobs.partial(blob.digest);
  partial.setSize(blob.bytes.length);
  await partial.write(start, blob.bytes.subarray(start, end));
}
