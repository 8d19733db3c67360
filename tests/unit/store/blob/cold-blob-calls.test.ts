import { Hash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { describe, expect, jest, test } from "@jest/globals";
import type { BlobReader, PartialBlob } from "../../../../src/store/blob/blob-store.ts";
import { DiskBlobStore } from "../../../../src/store/blob/disk-blob-store.ts";
import { makeBlob } from "../../../support/images.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";

const mib = 1024 * 1024;
const blob = makeBlob(16 * mib);
const size = blob.bytes.length;

async function openPartial() {
  await using held = new AsyncDisposableStack();
  const dir = held.use(await makeTempDir());
  const store = held.use(DiskBlobStore.at(dir.path));
  const partial = held.use(await store.partial(blob.digest));
  partial.setSize(size);
  const all = held.move();
  return { partial, [Symbol.asyncDispose]: () => all[Symbol.asyncDispose]() };
}

/** What files of this thread are asked for from now on. */
async function watchFiles() {
  await using anyFile = await open("/dev/null");
  const prototype: FileHandle = Object.getPrototypeOf(anyFile);
  return { read: jest.spyOn(prototype, "read"), writev: jest.spyOn(prototype, "writev") };
}

/** As a socket brings them. */
async function writeAll(partial: PartialBlob): Promise<void> {
  for (let at = 0; at < size; at += 64 * 1024) {
    const room = partial.write(at, Buffer.from(blob.bytes.subarray(at, at + 64 * 1024)));
    if (room) await room;
  }
}

/** Returns how many reads it took. */
async function follow(reader: BlobReader, end = size): Promise<number> {
  const buffer = Buffer.alloc(256 * 1024);
  let reads = 0;
  for (let at = 0; at < end; reads += 1) {
    const count = await reader.read(buffer.subarray(0, end - at), at);
    expect(buffer.subarray(0, count).equals(blob.bytes.subarray(at, at + count))).toBe(true);
    at += count;
  }
  return reads;
}

describe("a cold blob of 16 MiB in chunks of 64 KiB", () => {
  test("is written in less than two calls a MiB, and read back by no client that keeps up", async () => {
    await using place = await openPartial();
    const { partial } = place;
    const calls = await watchFiles();
    const readers = Array.from({ length: 8 }, () => partial.read());
    const followed = Promise.all(readers.map((reader) => follow(reader)));
    await writeAll(partial);
    await partial.verify();
    partial.release();
    const reads = await followed;
    for (const reader of readers) await reader[Symbol.asyncDispose]();
    expect(calls.writev.mock.calls.length).toBeLessThan(2 * 16);
    expect(calls.read).not.toHaveBeenCalled();
    for (const count of reads) expect(count).toBeLessThan(6 * 16);
  });

  test("is read from the file by a client that fell behind", async () => {
    await using place = await openPartial();
    const { partial } = place;
    await using reader = partial.read();
    await writeAll(partial);
    await partial.flush();
    const calls = await watchFiles();
    await follow(reader, size - 1);
    // What it was to read first is in memory still; the first chunk was written by itself.
    expect(calls.read).toHaveBeenCalledTimes(64 - 3);
  });

  test("passes through no hash on this thread", async () => {
    await using place = await openPartial();
    const { partial } = place;
    const update = jest.spyOn(Hash.prototype, "update");
    await writeAll(partial);
    await partial.verify();
    expect(update).not.toHaveBeenCalled();
  });

  test("asks its writer to wait no more than once in 16 chunks", async () => {
    await using place = await openPartial();
    const { partial } = place;
    let waits = 0;
    for (let at = 0; at < size; at += 64 * 1024) {
      const room = partial.write(at, blob.bytes.subarray(at, at + 64 * 1024));
      if (room) waits += 1;
      if (room) await room;
    }
    expect(waits).toBeGreaterThan(0);
    expect(waits).toBeLessThanOrEqual(16);
  });
});
