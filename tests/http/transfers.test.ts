import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { RegistryServer } from "../../src/http/server.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { RegistryError } from "../../src/oci/errors.ts";
import { RawClient } from "./raw-client.ts";
import { TestRegistry } from "./test-registry.ts";

const mebibyte = 1024 * 1024;
let registry: TestRegistry;
let server: RegistryServer;

beforeEach(async () => {
  registry = new TestRegistry();
  server = await registry.listen();
});

afterEach(() => server.drain(0));

/** Different in every place, so that a buffer used too early shows. */
function distinctBytes(length: number): Buffer {
  const numbers = Uint32Array.from({ length: length / 4 }, (_, index) => index);
  return Buffer.from(numbers.buffer);
}

function bodyOf(received: Buffer): Buffer {
  return received.subarray(received.indexOf("\r\n\r\n") + 4);
}

function blobUrl(bytes: Uint8Array): string {
  return `/v2/a/blobs/${registry.repository.addBlob(bytes)}`;
}

/** Opening a blob takes until `end`; `disposed` is when its reader is. */
function delayOpening() {
  const { repository } = registry;
  const open = repository.openBlob.bind(repository);
  const begun = Promise.withResolvers<void>();
  const found = Promise.withResolvers<void>();
  const disposed = Promise.withResolvers<void>();
  repository.openBlob = async (digest) => {
    begun.resolve();
    await found.promise;
    const { reader, ...answer } = await open(digest);
    const dispose = reader[Symbol.asyncDispose].bind(reader);
    reader[Symbol.asyncDispose] = () => dispose().then(disposed.resolve);
    return { reader, ...answer };
  };
  return { begun: begun.promise, end: found.resolve, disposed: disposed.promise };
}

const never = () => new Promise<void>(() => undefined);

describe("a transfer", () => {
  test("gives a client that stops reading for a while every byte in its place", async () => {
    const bytes = distinctBytes(24 * mebibyte);
    using client = await RawClient.connect(server.address.port);
    let reads = 0;
    const halted = Promise.withResolvers<void>();
    registry.repository.beforeRead = async () => {
      reads += 1;
      if (reads === 4) halted.resolve();
    };
    client.get(blobUrl(bytes), "Connection: close");
    client.socket.pause();
    await halted.promise;
    client.socket.resume();
    await client.closed;
    expect(digestOf(bodyOf(client.received))).toBe(digestOf(bytes));
  });

  test("is not read far ahead of a client that does not read, and others pass it", async () => {
    const { repository } = registry;
    const opened = Promise.withResolvers<void>();
    let furthest = 0;
    repository.beforeRead = async (position) => {
      furthest = position;
      opened.resolve();
    };
    using stalled = await RawClient.connect(server.address.port);
    stalled.socket.pause();
    stalled.get(blobUrl(Buffer.alloc(64 * mebibyte)));
    await opened.promise;
    repository.beforeRead = () => Promise.resolve();
    using other = await RawClient.connect(server.address.port);
    other.get(blobUrl(Buffer.alloc(32 * mebibyte)), "Connection: close");
    await other.closed;
    expect(bodyOf(other.received)).toHaveLength(32 * mebibyte);
    expect(furthest).toBeLessThan(32 * mebibyte);
  });

  test("serves two requests sent at once on one connection in their order", async () => {
    const first = distinctBytes(3 * mebibyte);
    const second = distinctBytes(mebibyte);
    using client = await RawClient.connect(server.address.port);
    client.get(blobUrl(first));
    client.get(blobUrl(second), "Connection: close");
    await client.closed;
    const answers = client.received;
    const rest = bodyOf(answers);
    expect(rest.subarray(0, first.length).equals(first)).toBe(true);
    expect(bodyOf(rest.subarray(first.length)).equals(second)).toBe(true);
  });

  test("has its headers before its first byte is here", async () => {
    registry.repository.provenance = { cache: "MISS" };
    registry.repository.beforeRead = never;
    using client = await RawClient.connect(server.address.port);
    client.get(blobUrl(distinctBytes(8)));
    await client.receivedText("\r\n\r\n");
    expect(client.received.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(bodyOf(client.received)).toHaveLength(0);
  });

  test("whose reader fails ends as a broken connection with nothing appended", async () => {
    const bytes = distinctBytes(mebibyte);
    registry.repository.beforeRead = async (position) => {
      if (position > 0) throw new RegistryError("UPSTREAM_TIMEOUT", "upstream stalled");
    };
    using client = await RawClient.connect(server.address.port);
    client.get(blobUrl(bytes));
    await client.closed;
    const body = bodyOf(client.received);
    expect(body.length).toBeLessThan(bytes.length);
    expect(body.equals(bytes.subarray(0, body.length))).toBe(true);
    expect(registry.repository.openReaders).toBe(0);
    const line = await registry.logs.requestLine();
    expect(line).toMatchObject({ status: 200, error: "UPSTREAM_TIMEOUT" });
    expect(line).not.toHaveProperty("aborted");
  });

  test("whose reader ends too early ends as a broken connection", async () => {
    const bytes = distinctBytes(mebibyte);
    const url = blobUrl(bytes);
    const { repository } = registry;
    const open = repository.openBlob.bind(repository);
    repository.openBlob = async (digest) => {
      const answer = await open(digest);
      Object.defineProperty(answer.reader, "size", { value: bytes.length + 1 });
      return answer;
    };
    using client = await RawClient.connect(server.address.port);
    client.get(url);
    await client.closed;
    expect(bodyOf(client.received).length).toBeLessThanOrEqual(bytes.length);
    expect(await registry.logs.requestLine()).toMatchObject({
      error: `blob ended early, at byte ${bytes.length}`,
    });
  });

  test("ends at once, with its reader, when the client leaves while bytes are awaited", async () => {
    registry.repository.provenance = { cache: "MISS" };
    registry.repository.beforeRead = (position) => (position === 0 ? Promise.resolve() : never());
    using client = await RawClient.connect(server.address.port);
    client.get(blobUrl(distinctBytes(mebibyte)));
    await client.receivedBytes(100_000);
    client.socket.destroy();
    const line = await registry.logs.requestLine();
    expect(line).toMatchObject({ status: 200, aborted: true });
    expect(line).not.toHaveProperty("error");
    expect(line["bytes"]).toBeLessThan(mebibyte);
    expect(registry.repository.openReaders).toBe(0);
  });

  test("ends at once, with its reader, when the client leaves without having read", async () => {
    using client = await RawClient.connect(server.address.port);
    const second = Promise.withResolvers<void>();
    registry.repository.beforeRead = async (position) => {
      if (position > 0) second.resolve();
    };
    client.socket.pause();
    client.get(blobUrl(Buffer.alloc(64 * mebibyte)));
    await second.promise;
    client.socket.destroy();
    expect(await registry.logs.requestLine()).toMatchObject({ aborted: true });
    expect(registry.repository.openReaders).toBe(0);
  });

  test.each([
    ["", []],
    [", behind another request", ["/v2/a/manifests/never"]],
  ])(
    "does not begin for a client that left while the blob was looked for%s",
    async (_, earlier) => {
      const url = blobUrl(distinctBytes(mebibyte));
      const search = delayOpening();
      registry.repository.getManifest = () => new Promise(() => undefined);
      using client = await RawClient.connect(server.address.port);
      for (const path of [...earlier, url]) client.get(path);
      await search.begun;
      client.socket.destroy();
      const line = await registry.logs.requestLine();
      expect(line).toMatchObject({ aborted: true, bytes: 0 });
      expect(line).not.toHaveProperty("status");
      search.end();
      await search.disposed;
      expect(registry.repository.openReaders).toBe(0);
    },
  );

  test("leaves the server unharmed when a client left before its error was known", async () => {
    const { repository } = registry;
    const asked = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<never>();
    repository.getManifest = () => {
      asked.resolve();
      return failed.promise;
    };
    using client = await RawClient.connect(server.address.port);
    client.get("/v2/a/manifests/latest");
    await asked.promise;
    client.socket.destroy();
    await registry.logs.requestLine();
    failed.reject(new RegistryError("UNAVAILABLE", "away"));
    const response = await fetch(`http://127.0.0.1:${server.address.port}/v2/`);
    expect(response.status).toBe(200);
  });
});
