import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ByteBudget } from "../../../../src/store/blob/byte-budget.ts";
import type { Run } from "../../../../src/store/blob/run.ts";
import { WriteQueue } from "../../../../src/store/blob/write-queue.ts";
import { makeTempDir } from "../../../support/temp-dir.ts";

const kib = 1024;

async function openQueue(budget = new ByteBudget(1024 * kib)) {
  await using held = new AsyncDisposableStack();
  const dir = held.use(await makeTempDir());
  const path = join(dir.path, "file");
  const file = held.use(await open(path, "w+"));
  const written: Run[] = [];
  const onWritten = (run: Run) => void written.push(run);
  const queue = new WriteQueue({ file, budget, onWritten, onFailed: () => undefined });
  const all = held.move();
  return { file, queue, written, [Symbol.asyncDispose]: () => all[Symbol.asyncDispose]() };
}

describe("a write queue", () => {
  test("writes the first chunk at once and alone, and has no room until it is out", async () => {
    await using place = await openQueue();
    const { queue, written } = place;
    await queue.push(0, Buffer.alloc(10));
    expect(written.map(({ start, end }) => [start, end])).toEqual([[0, 10]]);
    expect(queue.push(10, Buffer.alloc(10))).toBeUndefined();
    await queue.flush();
  });

  test("joins neighbours, also of several bodies that come side by side", async () => {
    await using place = await openQueue();
    const { queue, written } = place;
    for (let at = 0; at < 100; at += 10) {
      for (const front of [0, 1000, 5000])
        void queue.push(front + at, Buffer.alloc(10, front % 256));
    }
    await queue.flush();
    expect(written.map(({ start, end }) => [start, end])).toEqual([
      [0, 10],
      [1000, 1100],
      [5000, 5100],
      [10, 100],
    ]);
    const found = Buffer.alloc(100);
    await place.file.read(found, 0, 100, 1000);
    expect(found).toEqual(Buffer.alloc(100, 1000 % 256));
  });

  test("has room for 2 MiB of a download, and for little where all have too much", async () => {
    const budget = new ByteBudget(0);
    await using place = await openQueue(new ByteBudget(16 * 1024 * kib));
    await using other = await openQueue(budget);
    await place.queue.push(9000 * kib, Buffer.alloc(1));
    await other.queue.push(9000 * kib, Buffer.alloc(1));
    expect(place.queue.push(0, Buffer.alloc(2048 * kib))).toBeUndefined();
    await place.queue.push(2048 * kib, Buffer.alloc(1));
    expect(other.queue.push(0, Buffer.alloc(256 * kib))).toBeUndefined();
    await other.queue.push(256 * kib, Buffer.alloc(1));
    await place.queue.flush();
    await other.queue.flush();
    expect(budget.isExceeded).toBe(false);
  });

  test("gives its budget back when a write fails, and takes nothing from then on", async () => {
    const budget = new ByteBudget(0);
    await using place = await openQueue(budget);
    // No file system takes a byte at this offset.
    const first = expect(place.queue.push(2 ** 53 - 1, Buffer.alloc(100))).rejects.toThrow(
      "writing",
    );
    const second = expect(place.queue.push(0, Buffer.alloc(100))).rejects.toThrow("writing");
    await expect(place.queue.flush()).rejects.toMatchObject({ name: "StorageError" });
    await Promise.all([first, second]);
    expect(budget.isExceeded).toBe(false);
    await expect(place.queue.push(0, Buffer.alloc(1))).rejects.toThrow("writing");
    expect(budget.isExceeded).toBe(false);
  });
});
