import { once } from "node:events";
import { readdirSync, readlinkSync, readSync, writeSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { BlobSender, type BlobBody } from "../../../src/http/send-blob.ts";
import { loadKernelCalls, type KernelCalls } from "../../../src/http/sendfile.ts";
import type { BlobReader, FileTransfer } from "../../../src/registry/repository.ts";
import { DiskBlobReader } from "../../../src/store/blob/disk-blob-reader.ts";
import { pseudoRandomBytes } from "../../support/images.ts";
import { LoopbackServer } from "../../support/loopback-server.ts";
import { makeTempDir, type TempDir } from "../../support/temp-dir.ts";
import { eventually } from "../../support/wait.ts";

const kib = 1024;
const mib = 1024 * kib;
const real = await loadKernelCalls();

/** What is asked of a reader, and what it answers itself. */
class CountedReader implements BlobReader {
  readonly size: number;
  reads = 0;
  transfers = 0;
  isClosed = false;
  readonly #reader: BlobReader;

  constructor(reader: BlobReader) {
    this.#reader = reader;
    this.size = reader.size;
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    this.reads += 1;
    return this.#reader.read(buffer, position);
  }

  transfer(take: FileTransfer, position: number, count: number): Promise<number> {
    this.transfers += 1;
    return this.#reader.transfer(take, position, count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]();
    this.isClosed = true;
  }
}

/** Takes as many bytes as it is told to at each call, with real descriptors; 0: it cannot just now. */
function scripted(amounts: number[]): KernelCalls & { calls: number } {
  const calls = {
    calls: 0,
    duplicate: real.duplicate,
    async sendfile(to: number, from: number, position: number, count: number): Promise<number> {
      const amount = amounts[calls.calls % amounts.length] ?? 0;
      calls.calls += 1;
      if (amount === 0) return 0;
      const bytes = Buffer.alloc(Math.min(amount, count));
      const length = readSync(from, bytes, 0, bytes.length, position);
      return writeSome(to, bytes.subarray(0, length));
    },
  };
  return calls;
}

/** 0: the socket is full. */
function writeSome(to: number, bytes: Uint8Array): number {
  try {
    return writeSync(to, bytes);
  } catch {
    return 0;
  }
}

async function openReader(directory: TempDir, bytes: Uint8Array): Promise<CountedReader> {
  const path = join(directory.path, "blob");
  await writeFile(path, bytes);
  const file = await open(path);
  return new CountedReader(
    new DiskBlobReader({ file, size: bytes.length, onClosed: () => undefined }),
  );
}

/** What this process has open. */
function openFiles(): (string | undefined)[] {
  return readdirSync("/proc/self/fd").map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return undefined;
    }
  });
}

interface Sending {
  sender: BlobSender;
  reader: BlobReader;
  parts?: BlobBody["parts"];
  isChunked?: boolean;
}

function lengthOf(part: BlobBody["parts"][number]): number {
  return part instanceof Uint8Array ? part.length : part.end - part.start;
}

/** What a client gets of it, and how many bytes the sender counted. */
async function send({
  sender,
  reader,
  parts = [{ start: 0, end: reader.size }],
  isChunked = false,
}: Sending) {
  const length = parts.reduce((sum, part) => sum + lengthOf(part), 0);
  let counted = 0;
  let over: Promise<void> | undefined;
  const onSent = (count: number) => (counted += count);
  await using server = await LoopbackServer.start((_, response) => {
    response.writeHead(200, isChunked ? {} : { "Content-Length": length });
    over = sender.send({ response, body: { reader, parts }, onSent });
  });
  const response = await fetch(server.url);
  const received = Buffer.from(await response.arrayBuffer());
  await over;
  return { received, counted };
}

describe("sending a blob", () => {
  test("lets the kernel move the bytes of a file, all but those that pace it", async () => {
    await using directory = await makeTempDir();
    const bytes = pseudoRandomBytes(16 * mib, "whole");
    const reader = await openReader(directory, bytes);
    const { received, counted } = await send({ sender: new BlobSender(real), reader });
    expect(received.equals(bytes)).toBe(true);
    expect(counted).toBe(bytes.length);
    expect(reader.transfers).toBeGreaterThan(0);
    expect(reader.isClosed).toBe(true);
  });

  test("leaves a body in chunks to Node, which has to frame it", async () => {
    await using directory = await makeTempDir();
    const bytes = pseudoRandomBytes(mib, "chunks");
    const reader = await openReader(directory, bytes);
    const { received } = await send({ sender: new BlobSender(real), reader, isChunked: true });
    expect(received.equals(bytes)).toBe(true);
    expect(reader.transfers).toBe(0);
  });

  test("reads 64 KiB for each transfer, and nothing else", async () => {
    await using directory = await makeTempDir();
    const bytes = pseudoRandomBytes(8 * mib, "counted");
    const reader = await openReader(directory, bytes);
    const kernel = scripted([192 * kib]);
    const { received } = await send({ sender: new BlobSender(kernel), reader });
    expect(received.equals(bytes)).toBe(true);
    expect(kernel.calls).toBeGreaterThan(8);
    expect(reader.reads - kernel.calls).toBeLessThanOrEqual(1);
    expect(reader.transfers).toBe(kernel.calls);
  });

  test("reads four times for each MiB where there is no sendfile", async () => {
    await using directory = await makeTempDir();
    const bytes = pseudoRandomBytes(8 * mib, "buffered");
    const reader = await openReader(directory, bytes);
    const { received, counted } = await send({ sender: new BlobSender(undefined), reader });
    expect(received.equals(bytes)).toBe(true);
    expect(counted).toBe(bytes.length);
    expect({ reads: reader.reads, transfers: reader.transfers }).toEqual({
      reads: 32,
      transfers: 0,
    });
  });

  test("sends the very bytes, however much the socket takes at a time", async () => {
    await using directory = await makeTempDir();
    const bytes = pseudoRandomBytes(3 * mib, "any amounts");
    const amounts = fc.array(fc.integer({ min: 0, max: 900 * kib }), { minLength: 1 });
    const range = fc.tuple(fc.nat(bytes.length), fc.nat(bytes.length));
    await fc.assert(
      fc.asyncProperty(amounts, range, async (script, [one, other]) => {
        const reader = await openReader(directory, bytes);
        const part = { start: Math.min(one, other), end: Math.max(one, other) };
        const between = Buffer.from("between");
        const sender = new BlobSender(scripted(script));
        const { received } = await send({ sender, reader, parts: [part, between, part] });
        const wanted = bytes.subarray(part.start, part.end);
        expect(received.equals(Buffer.concat([wanted, between, wanted]))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test("a short range takes one read, and no transfer", async () => {
    await using directory = await makeTempDir();
    const bytes = pseudoRandomBytes(2 * mib, "short");
    const reader = await openReader(directory, bytes);
    const parts = [{ start: 5, end: 200_005 }];
    const { received } = await send({ sender: new BlobSender(real), reader, parts });
    expect(received.equals(bytes.subarray(5, 200_005))).toBe(true);
    expect({ reads: reader.reads, transfers: reader.transfers }).toEqual({
      reads: 1,
      transfers: 0,
    });
  });

  test("closes the file when the client leaves, but not under a transfer", async () => {
    await using directory = await makeTempDir();
    const reader = await openReader(directory, pseudoRandomBytes(4 * mib, "leaving"));
    const began = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<number>();
    const kernel: KernelCalls = {
      duplicate: real.duplicate,
      sendfile: () => {
        began.resolve();
        return mayEnd.promise;
      },
    };
    const sender = new BlobSender(kernel);
    const left = Promise.withResolvers<void>();
    let over: Promise<void> | undefined;
    await using server = await LoopbackServer.start((_, response) => {
      response.writeHead(200, { "Content-Length": reader.size });
      response.once("close", () => left.resolve());
      const body = { reader, parts: [{ start: 0, end: reader.size }] };
      over = sender.send({ response, body, onSent: () => undefined });
    });
    const client: Socket = connect(server.port, "127.0.0.1");
    client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await began.promise;
    client.destroy();
    await left.promise;
    expect(reader.isClosed).toBe(false);
    mayEnd.resolve(0);
    await over;
    await eventually("the file to be closed", () => reader.isClosed);
  });

  test("leaves no descriptor behind", async () => {
    await using directory = await makeTempDir();
    const bytes = pseudoRandomBytes(mib, "descriptors");
    const sockets: string[] = [];
    const kernel: KernelCalls = {
      sendfile: real.sendfile,
      duplicate: (descriptor) => {
        const duplicate = real.duplicate(descriptor);
        sockets.push(readlinkSync(`/proc/self/fd/${duplicate}`));
        return duplicate;
      },
    };
    const { received } = await send({
      sender: new BlobSender(kernel),
      reader: await openReader(directory, bytes),
    });
    expect(received).toHaveLength(bytes.length);
    expect(sockets).toEqual([expect.stringMatching(/^socket:/)]);
    await eventually("the socket to be closed", () => !openFiles().includes(sockets[0]));
  });

  test("goes without where the socket cannot be had a second time", async () => {
    await using directory = await makeTempDir();
    const bytes = pseudoRandomBytes(mib, "no duplicate");
    const reader = await openReader(directory, bytes);
    const sender = new BlobSender({ sendfile: real.sendfile, duplicate: () => -1 });
    const { received } = await send({ sender, reader });
    expect(received.equals(bytes)).toBe(true);
    expect(reader.transfers).toBe(0);
  });
});

describe("sendfile", () => {
  test("takes nothing of what is no open file", async () => {
    expect(await real.sendfile(-1, -1, 0, 10)).toBe(0);
  });

  test("refuses more than it has threads for, instead of queueing", async () => {
    await using directory = await makeTempDir();
    const path = join(directory.path, "file");
    await writeFile(path, pseudoRandomBytes(mib, "many"));
    await using from = await open(path);
    await using to = await open(join(directory.path, "copy"), "w");
    const all = Array.from({ length: 100 }, () => real.sendfile(to.fd, from.fd, 0, 10));
    const taken = await Promise.all(all);
    expect(taken.filter((count) => count === 10)).toHaveLength(32);
    expect(taken.filter((count) => count === 0)).toHaveLength(68);
    expect(await real.sendfile(to.fd, from.fd, 0, 10)).toBe(10);
  });
});

test("a client that stops in the middle costs one pacing buffer, whatever the blob's size", async () => {
  await using directory = await makeTempDir();
  const reader = await openReader(directory, pseudoRandomBytes(32 * mib, "stopped"));
  const sender = new BlobSender(real);
  await using server = await LoopbackServer.start((_, response) => {
    response.writeHead(200, { "Content-Length": reader.size });
    const body = { reader, parts: [{ start: 0, end: reader.size }] };
    void sender.send({ response, body, onSent: () => undefined });
  });
  const client = connect(server.port, "127.0.0.1");
  client.pause();
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let seen = -1;
  await eventually("the socket to be full", () => {
    const isStill = seen === reader.reads && seen > 0;
    seen = reader.reads;
    return isStill;
  });
  expect(reader.isClosed).toBe(false);
  client.destroy();
  await once(client, "close");
  await eventually("the file to be closed", () => reader.isClosed);
});
