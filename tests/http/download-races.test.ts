import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import type { Fault } from "../support/fake-registry-faults.ts";
import type { RequestMatch } from "../support/fake-registry-journal.ts";
import { makeBlob, type TestBlob } from "../support/images.ts";
import { listOpenBlobFiles } from "../support/storage-files.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";

const mib = 1024 * 1024;
const blob = makeBlob(24 * mib, "a layer");

function pathOf({ digest }: TestBlob): string {
  return `/v2/library/app/blobs/${digest}`;
}

async function startRegistry(...blobs: TestBlob[]): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start({ auth: {}, cdn: {} });
  for (const each of blobs) registry.addBlob("library/app", each);
  return registry;
}

describe("a small blob", () => {
  const upstreams: [string, Fault][] = [
    ["tells its length", {}],
    ["tells no length", { chunked: true }],
    ["tells no length and knows no ranges", { chunked: true, ignoreRange: true }],
  ];
  const cases = upstreams.flatMap(([how, fault]) =>
    [0, 1, 2].map((size) => [size, how, fault] as const),
  );

  test.each(cases)("of %i bytes comes from an upstream that %s", async (size, _, fault) => {
    const small = makeBlob(size);
    await using registry = await startRegistry(small, blob);
    registry.inject({ kind: "blob" }, fault);
    const upstream = { connections: 2 };
    await using mirror = await TestMirror.start({ endpoints: [registry.url], upstream });
    for (const cache of ["MISS", "HIT"]) {
      const answer = await mirror.get(pathOf(small));
      expect([answer.status, answer.headers["x-cache"]]).toEqual([200, cache]);
      expect(answer.body.equals(small.bytes)).toBe(true);
    }
    // The one connection that blobs may use here is free again.
    expect((await mirror.get(pathOf(blob))).body.equals(blob.bytes)).toBe(true);
  });

  test.each(upstreams)(
    "is not taken for an empty one when an upstream that %s sends nothing",
    async (_, fault) => {
      const small = makeBlob(100);
      await using registry = await startRegistry(small);
      registry.inject({ kind: "blob", method: "GET" }, { ...fault, body: "", times: 1 });
      await using mirror = await TestMirror.start({ endpoints: [registry.url] });
      expect((await mirror.get(pathOf(small))).status).toBe(502);
      expect((await mirror.get(pathOf(small))).body.equals(small.bytes)).toBe(true);
    },
  );

  test("of one byte is its own last byte: a range of it waits for the digest", async () => {
    const small = makeBlob(1);
    await using registry = await startRegistry(small);
    registry.inject({ kind: "blob" }, { flipByteAt: 0, times: 1 });
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    await expect(mirror.get(pathOf(small), { range: "bytes=0-0" })).rejects.toThrow();
    const answer = await mirror.get(pathOf(small), { range: "bytes=-1" });
    expect([answer.status, answer.body.equals(small.bytes)]).toEqual([206, true]);
  });
});

describe("an upstream that tells no length", () => {
  test.each([0, 1])("and cuts %i bytes before the end costs no byte but these", async (missing) => {
    const small = makeBlob(mib);
    await using registry = await startRegistry(small);
    const fault = { chunked: true, cutAfter: mib - missing, times: 1 };
    registry.inject({ kind: "blob" }, fault);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const answer = await mirror.get(pathOf(small));
    expect([answer.status, answer.body.equals(small.bytes)]).toEqual([200, true]);
    expect(registry.journal.bytesSent({ kind: "blob", status: 206 })).toBe(missing + 1);
  });
});

describe("a client that leaves before upstream has answered", () => {
  test("leaves a download that goes on, and nothing open", async () => {
    await using registry = await startRegistry(blob);
    const hold = registry.inject({ kind: "blob" }, { hold: true });
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const leaving = new AbortController();
    const asked = fetch(`${mirror.url}${pathOf(blob)}`, { signal: leaving.signal });
    const left = expect(asked).rejects.toThrow();
    await hold.reached;
    leaving.abort();
    await left;
    hold.release();
    await eventually("the blob is here", async () => {
      const { headers } = await mirror.head(pathOf(blob));
      return headers["x-cache"] === "HIT";
    });
    await eventually(
      "no file is open",
      async () => (await listOpenBlobFiles(mirror.storage)).length === 0,
    );
    expect(registry.journal.count({ kind: "blob", method: "GET" })).toBe(1);
  });
});

describe("a mirror that is stopped", () => {
  const states: [string, RequestMatch, Fault][] = [
    ["the token server does not answer", { server: "token" }, { hold: true }],
    ["the registry does not answer", { server: "registry" }, { hold: true }],
    ["the CDN does not answer", { server: "cdn" }, { hold: true }],
    ["a body has not begun", { kind: "blob" }, { stallAfter: 0 }],
    ["a body stalls", { kind: "blob" }, { stallAfter: 10 * mib }],
    ["a body stalls before its end", { kind: "blob" }, { stallAfter: 24 * mib - 1 }],
  ];

  test.each(states)("while %s is gone at once, with all its files", async (_, match, fault) => {
    await using registry = await startRegistry(blob, makeBlob(10));
    const injected = registry.inject(match, fault);
    await using dir = await makeTempDir();
    const mirror = await TestMirror.start({
      endpoints: [registry.url],
      storage: dir.path,
      // The second request waits for the first one's connection.
      upstream: { stallTimeoutMs: 60_000, responseTimeoutMs: 60_000, connections: 2 },
    });
    const asked = [blob, blob, makeBlob(10)].map(async (each, index) => {
      const range = index === 1 ? `bytes=${20 * mib}-` : "bytes=0-";
      await expect(readStatus(mirror, each, range)).rejects.toThrow();
    });
    await injected.reached;
    await mirror[Symbol.asyncDispose]();
    await Promise.all(asked);
    expect(await listOpenBlobFiles(dir.path)).toEqual([]);
    await eventually("upstream is let go", () =>
      registry.journal.entries.every(({ ended }) => ended),
    );
  });
});

async function readStatus(mirror: TestMirror, each: TestBlob, range: string): Promise<number> {
  const { status } = await mirror.get(pathOf(each), { range });
  return status;
}
