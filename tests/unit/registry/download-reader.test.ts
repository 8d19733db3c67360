import { truncate } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { blobSource } from "../../../src/registry/blob-source.ts";
import { DownloadReader } from "../../../src/registry/download-reader.ts";
import { PassThroughReader } from "../../../src/registry/pass-through-reader.ts";
import { StorageError, type PartialBlob } from "../../../src/store/blob/blob-store.ts";
import { makeBlob } from "../../support/images.ts";
import { readBytes } from "../../support/read-blob.ts";
import { mirroredName, RegistryParts } from "../../support/registry-parts.ts";
import { partialFile } from "../../support/storage-files.ts";
import { eventually } from "../../support/wait.ts";

const size = 1_000_000;
const stored = 400_000;
const blob = makeBlob(size);
const full = new StorageError("full", "no space left");

/** A reader of a download of which `front` is on disk; the disk takes no more once it is `abandoned`. */
async function startReader(front: Uint8Array) {
  await using starting = new AsyncDisposableStack();
  const parts = starting.use(await RegistryParts.start());
  parts.registry.addBlob("library/app", blob);
  const partial: PartialBlob = starting.use(await parts.blobs.partial(blob.digest));
  partial.setSize(size);
  await partial.write(0, Buffer.from(front));
  await partial.flush();
  const source = blobSource(parts.upstream, mirroredName("library/app"), blob.digest);
  const reader = new DownloadReader(
    partial.read(),
    (prefix) => new PassThroughReader({ source, size, clock: parts.clock, prefix }),
  );
  starting.use(reader);
  const held = starting.move();
  return { parts, partial, reader, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const front = blob.bytes.subarray(0, stored);

function spoil(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  copy[7] = (copy[7] ?? 0) ^ 1;
  return copy;
}

describe("a reader of a download whose disk fails", () => {
  test("has the rest from upstream, which sends nothing but that", async () => {
    await using world = await startReader(front);
    world.partial.abandon(full);
    expect((await readBytes(world.reader)).equals(blob.bytes)).toBe(true);
    expect(world.parts.registry.journal.bytesSent()).toBe(size - stored);
  });

  test.each([
    ["on disk", spoil(front), {}],
    ["from upstream", front, { flipByteAt: size - 2 }],
  ])("holds the last byte back when bytes %s are not the blob's", async (_, bytes, fault) => {
    await using world = await startReader(bytes);
    world.parts.registry.inject({ kind: "blob" }, fault);
    world.partial.abandon(full);
    expect(await readBytes(world.reader, 0, stored)).toHaveLength(stored);
    const rest = readBytes(world.reader, stored, size - 1);
    const whole = rest.then(() => readBytes(world.reader, size - 1));
    await expect(whole).rejects.toThrow("content has digest");
  });

  test("does not end unchecked when what it has given cannot be read again", async () => {
    await using world = await startReader(front);
    expect(await readBytes(world.reader, 0, stored)).toHaveLength(stored);
    await truncate(partialFile(world.parts.storage, blob.digest), 0);
    world.partial.abandon(full);
    await expect(readBytes(world.reader, stored)).rejects.toThrow("partial blob ends at 0");
  });

  test("gives a range from the middle also when nothing before it can be read", async () => {
    await using world = await startReader(front);
    await truncate(partialFile(world.parts.storage, blob.digest), 0);
    world.partial.abandon(full);
    const range = await readBytes(world.reader, stored, size);
    expect(range.equals(blob.bytes.subarray(stored))).toBe(true);
  });

  test("asks upstream for nothing more once it is closed", async () => {
    await using world = await startReader(front);
    const { registry } = world.parts;
    const stall = registry.inject({ kind: "blob" }, { stallAfter: 1000 });
    world.partial.abandon(full);
    const reading = expect(readBytes(world.reader)).rejects.toThrow("closed");
    await stall.reached;
    await world.reader[Symbol.asyncDispose]();
    await reading;
    await eventually("upstream is let go", () =>
      registry.journal.entries.every(({ ended }) => ended),
    );
    expect(registry.journal.entries).toHaveLength(1);
  });
});
