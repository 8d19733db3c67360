import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import type { Fault } from "../support/fake-registry-faults.ts";
import { makeBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";

const mib = 1024 * 1024;
const blob = makeBlob(12 * mib, "a layer");
const path = `/v2/library/app/blobs/${blob.digest}`;

async function registryWithBlob(): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start({ auth: {}, cdn: {} });
  registry.addBlob("library/app", blob);
  return registry;
}

describe("a cold blob arrives whole when upstream", () => {
  const faults: [string, Fault][] = [
    ["cuts the body once", { cutAfter: 5 * mib, times: 1 }],
    ["cuts the body every MiB", { cutAfter: mib }],
    ["stalls in the middle", { stallAfter: 3 * mib, times: 1 }],
    ["ignores ranges after a cut", { cutAfter: 2 * mib, ignoreRange: true, times: 1 }],
    ["sends no length", { chunked: true }],
    ["sends no length and cuts", { chunked: true, cutAfter: 4 * mib, times: 1 }],
    ["answers 503 twice", { status: 503, times: 2 }],
    ["answers 429 once", { status: 429, headers: { "retry-after": "0" }, times: 1 }],
    ["disconnects without an answer", { disconnect: true, times: 1 }],
    ["refuses the signed URL once", { status: 403, times: 1 }],
  ];

  test.each(faults)("%s", async (_, fault) => {
    await using registry = await registryWithBlob();
    const injected = registry.inject({ kind: "blob", method: "GET" }, fault);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const answer = await mirror.get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-length"]).toBe(String(blob.bytes.length));
    expect(answer.body.equals(blob.bytes)).toBe(true);
    expect(injected.hits).toBeGreaterThan(0);
    const warm = await mirror.get(path);
    expect(warm.headers["x-cache"]).toBe("HIT");
  });

  test("cuts it and sends no byte twice", async () => {
    await using registry = await registryWithBlob();
    registry.inject({ kind: "blob", method: "GET" }, { cutAfter: 5 * mib, times: 2 });
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const answer = await mirror.get(path);
    expect(answer.body.equals(blob.bytes)).toBe(true);
    expect(registry.journal.count({ kind: "blob", status: 206 })).toBe(2);
    expect(registry.journal.bytesSent({ kind: "blob" })).toBeLessThan(blob.bytes.length + 2 * mib);
  });

  test("lets tokens and signed URLs expire in the middle", async () => {
    await using registry = await registryWithBlob();
    const stall = registry.inject({ kind: "blob" }, { stallAfter: 4 * mib, times: 1 });
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const pulling = mirror.get(path);
    await stall.reached;
    registry.revokeTokens();
    registry.expireUrls();
    const answer = await pulling;
    expect(answer.body.equals(blob.bytes)).toBe(true);
  });

  test("is gone for a moment and comes back", async () => {
    await using registry = await registryWithBlob();
    const stall = registry.inject({ kind: "blob" }, { stallAfter: 4 * mib, times: 1 });
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const pulling = mirror.get(path);
    await stall.reached;
    await registry.stop();
    await eventually("the mirror noticed", () => mirror.log.some(({ level }) => level === "warn"));
    await registry.restart();
    const answer = await pulling;
    expect(answer.body.equals(blob.bytes)).toBe(true);
  });

  test("dies, and a second endpoint has the rest", async () => {
    await using first = await registryWithBlob();
    await using second = await registryWithBlob();
    const stall = first.inject({ kind: "blob" }, { stallAfter: 4 * mib });
    await using mirror = await TestMirror.start({ endpoints: [first.url, second.url] });
    const pulling = mirror.get(path);
    await stall.reached;
    await first.stop();
    const answer = await pulling;
    expect(answer.body.equals(blob.bytes)).toBe(true);
    expect(second.journal.bytesSent({ kind: "blob" })).toBeLessThan(9 * mib);
  });
});

describe("a blob with a wrong digest", () => {
  test.each<[string, Fault]>([
    ["a flipped byte", { flipByteAt: 7 * mib }],
    ["a flipped last byte", { flipByteAt: 12 * mib - 1 }],
    ["too few bytes, said to be all", { truncateTo: 5 * mib }],
    ["a page of HTML", { body: "<html>sign in</html>", headers: { "content-type": "text/html" } }],
    ["a page of HTML that says it is bytes", { body: "<html>sign in</html>" }],
  ])("never reaches a client whole nor the cache: %s", async (_, fault) => {
    await using registry = await registryWithBlob();
    const injected = registry.inject({ kind: "blob", method: "GET" }, fault);
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const outcome = await mirror.get(path).catch((error: unknown) => error);
    expect(outcome).not.toMatchObject({ status: 200 });
    injected.remove();
    const answer = await mirror.get(path);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(blob.bytes)).toBe(true);
    expect(answer.headers["x-cache"]).toBe("MISS");
  });

  test("makes the next request go to the next endpoint", async () => {
    await using first = await registryWithBlob();
    await using second = await registryWithBlob();
    first.inject({ kind: "blob" }, { flipByteAt: 5 });
    await using mirror = await TestMirror.start({ endpoints: [first.url, second.url] });
    await expect(mirror.get(path)).rejects.toThrow();
    const answer = await mirror.get(path);
    expect(answer.body.equals(blob.bytes)).toBe(true);
    expect(first.journal.count({ kind: "blob" })).toBe(1);
  });
});

describe("clients of a cold blob", () => {
  test("that join late, at any position, cost upstream nothing more", async () => {
    await using registry = await registryWithBlob();
    const stall = registry.inject({ kind: "blob" }, { stallAfter: 6 * mib });
    await using mirror = await TestMirror.start({
      endpoints: [registry.url],
      upstream: { stallTimeoutMs: 10_000 },
    });
    const early = mirror.get(path);
    await stall.reached;
    const late = [mirror.get(path), mirror.get(path, { range: `bytes=${5 * mib}-` })];
    const middle = await mirror.get(path, { range: "bytes=1000-1999" });
    expect(middle.status).toBe(206);
    expect(middle.body.equals(blob.bytes.subarray(1000, 2000))).toBe(true);
    stall.release();
    const [whole, tail] = await Promise.all(late);
    expect((await early).body.equals(blob.bytes)).toBe(true);
    expect(whole?.body.equals(blob.bytes)).toBe(true);
    expect(tail?.body.equals(blob.bytes.subarray(5 * mib))).toBe(true);
    expect(registry.journal.count({ kind: "blob", method: "GET" })).toBe(1);
  });

  test("that ask for its end get it before the front has come", async () => {
    await using registry = await registryWithBlob();
    const stall = registry.inject(
      { kind: "blob", status: undefined },
      { stallAfter: mib, times: 1 },
    );
    await using mirror = await TestMirror.start({
      endpoints: [registry.url],
      upstream: { stallTimeoutMs: 30_000 },
    });
    const front = mirror.get(path);
    await stall.reached;
    const range = `bytes=${11 * mib}-${12 * mib - 2}`;
    const end = await mirror.get(path, { range });
    expect(end.status).toBe(206);
    expect(end.body.equals(blob.bytes.subarray(11 * mib, 12 * mib - 1))).toBe(true);
    stall.release();
    expect((await front).body.equals(blob.bytes)).toBe(true);
    // The front's body ran on to the blob's end until it was closed.
    const sent = registry.journal.bytesSent({ kind: "blob" });
    expect(sent).toBeLessThanOrEqual(blob.bytes.length + mib);
  });

  test("that ask for its last bytes get them once the digest is right", async () => {
    await using registry = await registryWithBlob();
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const end = await mirror.get(path, { range: "bytes=-1000" });
    expect(end.status).toBe(206);
    expect(end.headers["content-range"]).toBe(
      `bytes ${12 * mib - 1000}-${12 * mib - 1}/${12 * mib}`,
    );
    expect(end.body.equals(blob.bytes.subarray(-1000))).toBe(true);
  });

  test("that leave do not end the download", async () => {
    await using registry = await registryWithBlob();
    const stall = registry.inject({ kind: "blob" }, { stallAfter: mib });
    await using mirror = await TestMirror.start({
      endpoints: [registry.url],
      upstream: { stallTimeoutMs: 10_000 },
    });
    const response = await mirror.open(path);
    await stall.reached;
    response.body.on("error", () => undefined).destroy();
    await eventually("the mirror noticed", () =>
      mirror.log.some((line) => line["aborted"] === true),
    );
    stall.release();
    await eventually("the blob is here", async () => {
      const { headers } = await mirror.head(path);
      return headers["x-cache"] === "HIT";
    });
    expect(registry.journal.count({ kind: "blob", method: "GET" })).toBe(1);
    expect((await mirror.get(path)).body.equals(blob.bytes)).toBe(true);
  });

  test("that read slowly keep nobody waiting", async () => {
    await using registry = await registryWithBlob();
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const slow = await mirror.open(path);
    const fast = await mirror.get(path);
    expect(fast.body.equals(blob.bytes)).toBe(true);
    const parts: Buffer[] = [];
    for await (const part of slow.body) parts.push(Buffer.from(part));
    expect(Buffer.concat(parts).equals(blob.bytes)).toBe(true);
    expect(registry.journal.count({ kind: "blob", method: "GET" })).toBe(1);
  });

  test("of another repository that lacks the blob get 404, and those that have it get it", async () => {
    await using registry = await registryWithBlob();
    const hold = registry.inject({ repository: "library/none", method: "GET" }, { hold: true });
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    const without = mirror.get(`/v2/library/none/blobs/${blob.digest}`);
    await hold.reached;
    const having = mirror.get(path);
    hold.release();
    expect((await without).status).toBe(404);
    const answer = await having;
    expect([answer.status, answer.body.equals(blob.bytes)]).toEqual([200, true]);
  });
});

describe("a blob that upstream does not give", () => {
  test.each([
    [404, 404],
    [403, 404],
    [500, 503],
    [429, 429],
  ])(
    "with %i is answered with %i, as OCI error JSON, and nothing is left behind",
    async (said, expected) => {
      await using registry = await registryWithBlob();
      registry.inject({ kind: "redirect" }, { status: said });
      await using mirror = await TestMirror.start({ endpoints: [registry.url] });
      const answer = await mirror.get(path);
      expect(answer.status).toBe(expected);
      expect(JSON.parse(answer.body.toString())).toMatchObject({
        errors: [{ code: expect.any(String) }],
      });
    },
  );
});
