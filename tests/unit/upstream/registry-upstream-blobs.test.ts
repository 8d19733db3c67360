import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../../support/fake-registry.ts";
import type { Fault } from "../../support/fake-registry-faults.ts";
import { makeBlob } from "../../support/images.ts";
import { app, openBlob, openUpstream, readAll } from "./open-upstream.ts";

const blob = makeBlob(100_000);

async function startRegistry(fault?: Fault): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start({ cdn: {} });
  registry.addBlob(app, blob);
  if (fault) registry.inject({ kind: "blob", method: "GET" }, fault);
  return registry;
}

async function readTo(
  fault: Fault,
  options: { range?: { start: number; end?: number }; stallTimeoutMs?: number } = {},
): Promise<{ bytes: Buffer; error: unknown }> {
  await using registry = await startRegistry(fault);
  const { range = { start: 0 }, stallTimeoutMs = 5000 } = options;
  await using opened = openUpstream(registry.url, { stallTimeoutMs });
  const remote = await openBlob(opened.upstream, blob, range);
  const parts: Uint8Array[] = [];
  try {
    await remote.readTo((chunk) => void parts.push(chunk));
  } catch (error) {
    return { bytes: Buffer.concat(parts), error };
  }
  return { bytes: Buffer.concat(parts), error: undefined };
}

describe("openBlob", () => {
  test.each([
    [{ start: 0 }, undefined],
    [{ start: 0, end: 10 }, "bytes=0-9"],
    [{ start: 10 }, "bytes=10-"],
    [{ start: 10, end: 11 }, "bytes=10-10"],
  ])("for %j asks for the range %s", async (range, header) => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url);
    await readAll(await openBlob(opened.upstream, blob, range));
    expect(registry.journal.entries.map(({ headers }) => headers.range)).toEqual([header, header]);
  });

  test("starts at the beginning where the range is ignored", async () => {
    await using registry = await startRegistry({ ignoreRange: true });
    await using opened = openUpstream(registry.url);
    const remote = await openBlob(opened.upstream, blob, { start: 50_000 });
    expect(remote).toMatchObject({ offset: 0, size: 100_000 });
    expect((await readAll(remote)).equals(blob.bytes)).toBe(true);
  });

  test("knows the size from the range where the body has no length", async () => {
    await using registry = await startRegistry({ chunked: true });
    await using opened = openUpstream(registry.url);
    const remote = await openBlob(opened.upstream, blob, { start: 50_000 });
    expect(remote).toMatchObject({ offset: 50_000, size: 100_000 });
    expect((await readAll(remote)).equals(blob.bytes.subarray(50_000))).toBe(true);
  });

  test("does not know the size where nothing tells it", async () => {
    await using registry = await startRegistry({ chunked: true });
    await using opened = openUpstream(registry.url);
    const remote = await openBlob(opened.upstream, blob);
    expect(remote.size).toBeUndefined();
    expect((await readAll(remote)).equals(blob.bytes)).toBe(true);

    const part = { headers: { "content-range": "bytes 10-99999/*" } };
    registry.inject({ kind: "blob", method: "GET" }, part);
    expect(await openBlob(opened.upstream, blob, { start: 10 })).toMatchObject({
      offset: 10,
      size: undefined,
    });
  });

  test("leaves it to its reader where to stop if upstream goes on behind the end", async () => {
    const headers = { "content-range": "bytes 10-99999/100000" };
    await using registry = await startRegistry({ headers, chunked: true });
    await using opened = openUpstream(registry.url);
    const remote = await openBlob(opened.upstream, blob, { start: 10, end: 20 });
    expect(remote).toMatchObject({ offset: 10, size: 100_000 });
    remote.close();
  });

  test.each<[string, Fault]>([
    ["another start", { headers: { "content-range": "bytes 11-19/100000" } }],
    ["no range in its 206", { headers: { "content-range": undefined } }],
    ["an end before the start", { headers: { "content-range": "bytes 10-9/100000" } }],
    ["an end past the size", { headers: { "content-range": "bytes 10-19/15" } }],
    ["status 416", { status: 416 }],
    ["status 204", { status: 204 }],
    [
      "a web page with 200",
      {
        body: "<html>",
        ignoreRange: true,
        headers: { "content-type": "text/html; charset=utf-8" },
      },
    ],
    ["an encoded body", { gzip: true }],
  ])("refuses %s", async (_, fault) => {
    await using registry = await startRegistry(fault);
    await using opened = openUpstream(registry.url);
    await expect(openBlob(opened.upstream, blob, { start: 10, end: 20 })).rejects.toMatchObject({
      failure: "invalid",
    });
  });

  test("refuses a part when it asked for the whole", async () => {
    await using registry = await startRegistry({
      status: 206,
      headers: { "content-range": "bytes 5-9/100000" },
    });
    await using opened = openUpstream(registry.url);
    await expect(openBlob(opened.upstream, blob)).rejects.toMatchObject({ failure: "invalid" });
  });
});

describe("a blob's body", () => {
  const ownConnection = { connection: "close" };

  test.each<[string, Fault]>([
    ["with a length", { cutAfter: 5000 }],
    ["without a length", { cutAfter: 5000, chunked: true }],
    ["with a length, on a connection of its own", { cutAfter: 5000, headers: ownConnection }],
    [
      "without a length, on a connection of its own",
      { cutAfter: 5000, chunked: true, headers: ownConnection },
    ],
  ])("that is cut %s is unreachable, after the bytes that came", async (_, fault) => {
    const { bytes, error } = await readTo(fault);
    expect(error).toMatchObject({ failure: "unreachable" });
    expect(bytes.equals(blob.bytes.subarray(0, 5000))).toBe(true);
  });

  test("that ends cleanly before its range does is unreachable", async () => {
    const { bytes, error } = await readTo(
      { truncateTo: 5000, headers: { "content-range": "bytes 10-99999/100000" } },
      { range: { start: 10 } },
    );
    expect(error).toMatchObject({ failure: "unreachable" });
    expect(bytes).toHaveLength(5000);
  });

  test("that is longer than its range is invalid", async () => {
    const { error } = await readTo(
      {
        ignoreRange: true,
        status: 206,
        body: blob.bytes,
        headers: { "content-range": "bytes 10-19/100000" },
      },
      { range: { start: 10, end: 20 } },
    );
    expect(error).toMatchObject({ failure: "invalid" });
  });

  test("that stalls is a timeout", async () => {
    const { bytes, error } = await readTo({ stallAfter: 5000 }, { stallTimeoutMs: 100 });
    expect(error).toMatchObject({ failure: "timeout" });
    expect(bytes.equals(blob.bytes.subarray(0, 5000))).toBe(true);
  });

  test("that nobody reads for longer than the stall timeout is no stall", async () => {
    const big = makeBlob(20_000_000);
    await using registry = await startRegistry();
    registry.addBlob(app, big);
    await using opened = openUpstream(registry.url, { stallTimeoutMs: 100 });
    const remote = await openBlob(opened.upstream, big);
    const parts: Uint8Array[] = [];
    await remote.readTo((chunk) => (parts.push(chunk) === 1 ? delay(400) : undefined));
    expect(Buffer.concat(parts).equals(big.bytes)).toBe(true);
  });

  test("that its reader closes is nobody's fault", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    const stall = first.inject({ kind: "blob" }, { stallAfter: 10 });
    await using opened = openUpstream([first.url, second.url]);
    const remote = await openBlob(opened.upstream, blob);
    const failing = expect(readAll(remote)).rejects.toMatchObject({ failure: "unreachable" });
    await stall.reached;
    remote.close();
    await failing;
    expect(opened.lines).toEqual([]);
    expect((await openBlob(opened.upstream, blob)).endpoints).toEqual([first.url]);
  });

  test("with a wrong byte comes as it is", async () => {
    const { bytes, error } = await readTo({ flipByteAt: 5 });
    expect(error).toBeUndefined();
    expect(bytes).toHaveLength(100_000);
    expect(bytes.equals(blob.bytes)).toBe(false);
  });
});

describe("headBlob", () => {
  test("is content with HEAD", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.headBlob(app, blob.digest)).toEqual({ size: 100_000 });
    expect(registry.journal.count({ method: "GET" })).toBe(0);
  });

  test.each<[string, Fault]>([
    ["is refused with 400", { status: 400 }],
    ["is refused with 401 by the CDN", { status: 401 }],
    ["is refused with 403 by the CDN", { status: 403 }],
    ["is refused with 405", { status: 405 }],
    ["brings no length", { chunked: true }],
    ["brings a length of 0", { headers: { "content-length": "0" } }],
  ])("gets one byte where HEAD %s", async (_, fault) => {
    await using registry = await startRegistry();
    registry.inject({ kind: "blob", method: "HEAD" }, fault);
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.headBlob(app, blob.digest)).toEqual({ size: 100_000 });
    expect(registry.journal.count({ kind: "blob", method: "HEAD" })).toBe(1);
    const [get] = registry.journal.list({ kind: "blob", method: "GET" });
    expect(get?.headers.range).toBe("bytes=0-0");
  });

  test("takes the length from a GET that ignores the range, without reading it", async () => {
    const big = makeBlob(50_000_000);
    await using registry = await startRegistry();
    registry.addBlob(app, big);
    registry.inject({ kind: "blob", method: "HEAD" }, { status: 405 });
    registry.inject({ kind: "blob", method: "GET" }, { ignoreRange: true });
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.headBlob(app, big.digest)).toEqual({ size: 50_000_000 });
    await registry.journal.waitFor(({ method, ended }) => method === "GET" && ended, 2);
    expect(registry.journal.bytesSent()).toBeLessThan(big.bytes.length);
  });

  test("may have to do without a size", async () => {
    await using registry = await startRegistry();
    registry.inject({ kind: "blob" }, { chunked: true, ignoreRange: true });
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.headBlob(app, blob.digest)).toEqual({ size: undefined });
  });

  test.each([
    [403, "denied"],
    [429, "rate-limited"],
    [500, "server-error"],
  ])("fails where the registry says %i to all", async (status, failure) => {
    await using registry = await startRegistry();
    registry.inject({ server: "registry" }, { status });
    await using opened = openUpstream(registry.url, { retries: 0 });
    await expect(opened.upstream.headBlob(app, blob.digest)).rejects.toMatchObject({ failure });
  });
});
