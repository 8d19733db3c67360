import { describe, expect, test } from "@jest/globals";
import { parseReference } from "../../../src/oci/reference.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { makeBlob, makeImage, makeManifest } from "../../support/images.ts";
import { chunksOf } from "../../support/remote-blob-chunks.ts";
import { app, latest, never, openBlob, openUpstream, readAll } from "./open-upstream.ts";

const image = makeImage();
const head = { digest: image.manifest.digest, manifest: undefined };

async function startRegistry(): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start();
  registry.addImage(app, "latest", image);
  return registry;
}

describe("a request that fails", () => {
  test.each([
    ["status 408", { status: 408 }],
    ["status 429", { status: 429 }],
    ["status 500", { status: 500 }],
    ["status 502", { status: 502 }],
    ["status 503", { status: 503 }],
    ["a broken connection", { disconnect: true }],
  ])("with %s is repeated, after growing waits", async (_, fault) => {
    await using registry = await startRegistry();
    registry.inject({ kind: "manifest" }, { ...fault, times: 2 });
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.headManifest(app, latest)).toEqual(head);
    expect(opened.clock.sleeps).toEqual([100, 200]);
  });

  test.each([
    [408, "server-error"],
    [429, "rate-limited"],
    [500, "server-error"],
    [503, "server-error"],
  ])("with status %i again and again is %s in the end", async (status, failure) => {
    await using registry = await startRegistry();
    registry.inject({ kind: "manifest" }, { status });
    await using opened = openUpstream(registry.url);
    await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({ failure });
    expect(registry.journal.count()).toBe(3);
  });

  test.each([
    [402, "invalid", 2],
    [403, "denied", 1],
    [410, "invalid", 2],
    [304, "invalid", 2],
  ])("with status %i is %s after %i tries", async (status, failure, tries) => {
    await using registry = await startRegistry();
    registry.inject({ kind: "manifest" }, { status });
    await using opened = openUpstream(registry.url);
    await expect(opened.upstream.getManifest(app, latest)).rejects.toMatchObject({ failure });
    expect(registry.journal.count()).toBe(tries);
  });

  test("by taking too long for its headers is a timeout", async () => {
    await using registry = await startRegistry();
    registry.inject({ kind: "manifest" }, { hold: true });
    await using opened = openUpstream(registry.url, { responseTimeoutMs: 100, retries: 0 });
    await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
      failure: "timeout",
    });
  });

  test("is not repeated once it is aborted", async () => {
    await using registry = await startRegistry();
    const hold = registry.inject({ kind: "blob" }, { hold: true });
    await using opened = openUpstream(registry.url);
    const controller = new AbortController();
    const range = { start: 0, end: undefined };
    const open = opened.upstream.openBlob(app, image.config.digest, range, controller.signal);
    const failing = expect(open).rejects.toThrow("enough");
    await hold.reached;
    controller.abort(new Error("enough"));
    await failing;
    expect(registry.journal.count()).toBe(1);
  });

  test("ends at once when the client is disposed of", async () => {
    await using registry = await startRegistry();
    const hold = registry.inject({ kind: "manifest" }, { hold: true });
    await using opened = openUpstream(registry.url);
    const failing = expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
      failure: "unreachable",
    });
    await hold.reached;
    await opened.upstream[Symbol.asyncDispose]();
    await failing;
    expect(registry.journal.count()).toBe(1);
    expect(opened.lines).toEqual([]);
  });
});

describe("Retry-After", () => {
  test("is waited for", async () => {
    await using registry = await startRegistry();
    registry.inject(
      { kind: "manifest" },
      { times: 1, status: 429, headers: { "retry-after": "4" } },
    );
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.headManifest(app, latest)).toEqual(head);
    expect(opened.clock.sleeps).toEqual([4000]);
  });

  test("as a date is waited for", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url);
    const date = new Date(opened.clock.now() + 3000).toUTCString();
    registry.inject(
      { kind: "manifest" },
      { times: 1, status: 503, headers: { "retry-after": date } },
    );
    expect(await opened.upstream.headManifest(app, latest)).toEqual(head);
    expect(opened.clock.sleeps).toEqual([3000]);
  });

  test("that is too long fails the request at once, and is passed on", async () => {
    await using registry = await startRegistry();
    registry.inject({ kind: "manifest" }, { status: 429, headers: { "retry-after": "60" } });
    await using opened = openUpstream(registry.url);
    await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
      failure: "rate-limited",
      retryAfterMs: 60_000,
    });
    expect(opened.clock.sleeps).toEqual([]);
    expect(registry.journal.count()).toBe(1);
  });

  test("of one endpoint is respected while another is asked again", async () => {
    await using limited = await startRegistry();
    await using failing = await startRegistry();
    limited.inject({ kind: "manifest" }, { status: 429, headers: { "retry-after": "60" } });
    failing.inject({ kind: "manifest" }, { status: 500, times: 1 });
    await using opened = openUpstream([limited.url, failing.url]);
    expect(await opened.upstream.headManifest(app, latest)).toEqual(head);
    expect(limited.journal.count()).toBe(1);
    expect(failing.journal.count()).toBe(2);
  });
});

describe("endpoints", () => {
  test("are asked in their order, each in every round", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    first.inject({ kind: "manifest" }, { status: 500 });
    second.inject({ kind: "manifest" }, { status: 500, times: 1 });
    await using opened = openUpstream([first.url, second.url]);
    expect(await opened.upstream.headManifest(app, latest)).toEqual(head);
    expect(first.journal.count()).toBe(2);
    expect(second.journal.count()).toBe(2);
    expect(opened.clock.sleeps).toEqual([100]);
  });

  test("after the first are left alone while it answers, be it with 404", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    await using opened = openUpstream([first.url, second.url]);
    await opened.upstream.headManifest(app, latest);
    await opened.upstream.headManifest(app, parseReference("absent"));
    expect(second.journal.count()).toBe(0);
  });

  test("that deny give way to the next, once", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    first.inject({ kind: "manifest" }, { status: 403 });
    await using opened = openUpstream([first.url, second.url]);
    expect((await opened.upstream.getManifest(app, latest))?.digest).toBe(image.manifest.digest);
    second.inject({ kind: "manifest" }, { status: 500 });
    await expect(opened.upstream.getManifest(app, latest)).rejects.toMatchObject({
      failure: "server-error",
    });
    expect(first.journal.count({ method: "GET" })).toBe(2);
  });

  test("whose bodies break off are asked last for 30 s", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    await using opened = openUpstream([first.url, second.url]);
    first.inject({ kind: "blob" }, { cutAfter: 100, times: 1 });
    await expect(openBlob(opened.upstream, image.config).then(readAll)).rejects.toMatchObject({
      failure: "unreachable",
    });

    await opened.upstream.headManifest(app, latest);
    expect(second.journal.count()).toBe(1);
    opened.clock.advance(30_000);
    await opened.upstream.headManifest(app, latest);
    expect(second.journal.count()).toBe(1);
    expect(first.journal.count({ kind: "manifest" })).toBe(1);
  });

  test("that are distrusted are asked last for 60 s, and still asked", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    await using opened = openUpstream([first.url, second.url]);
    const remote = await openBlob(opened.upstream, image.config);
    expect(remote.endpoints).toEqual([first.url]);
    remote.close();
    opened.upstream.distrust(remote.endpoints);

    expect((await openBlob(opened.upstream, image.config)).endpoints).toEqual([second.url]);
    await second.stop();
    expect((await openBlob(opened.upstream, image.config)).endpoints).toEqual([first.url]);
    await second.restart();
    opened.clock.advance(60_000);
    expect((await openBlob(opened.upstream, image.config)).endpoints).toEqual([first.url]);
  });

  test("that send a manifest with a wrong digest give way to the next, and go last", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    first.inject({ kind: "manifest" }, { body: makeManifest("x", { other: true }).bytes });
    await using opened = openUpstream([first.url, second.url]);
    const reference = parseReference(image.manifest.digest);
    const manifest = await opened.upstream.getManifest(app, reference);
    expect(Buffer.from(manifest?.bytes ?? [])).toEqual(image.manifest.bytes);
    await opened.upstream.getManifest(app, reference);
    expect(first.journal.count()).toBe(1);
  });
});

describe("the breaker", () => {
  test("makes requests to an upstream that is down fail without asking it", async () => {
    await using registry = await startRegistry();
    let attempts = 0;
    await using opened = openUpstream(registry.url, { onAttempt: () => (attempts += 1) });
    await registry.stop();
    for (let round = 0; round < 5; round += 1) {
      await expect(opened.upstream.headManifest(app, latest)).rejects.toMatchObject({
        failure: "unreachable",
      });
    }
    expect(attempts).toBe(5);
  });

  test("opens on five server errors in a row, not on five in all", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url, { retries: 0 });
    const failTimes = async (times: number): Promise<void> => {
      registry.inject({ kind: "manifest" }, { status: 503, times });
      for (let count = 0; count < times; count += 1) {
        await expect(opened.upstream.headManifest(app, latest)).rejects.toThrow("status 503");
      }
    };
    await failTimes(4);
    expect(await opened.upstream.headManifest(app, latest)).toEqual(head);
    await failTimes(5);
    await expect(opened.upstream.headManifest(app, latest)).rejects.toThrow("not asked");
  });

  test("fails requests before they wait for a connection", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url, { connections: 2, retries: 0 });
    const busy = await openBlob(opened.upstream, image.config);
    registry.inject({ kind: "manifest" }, { disconnect: true });
    for (let count = 0; count < 5; count += 1) {
      await opened.upstream.headManifest(app, latest).catch(() => {});
    }
    await expect(openBlob(opened.upstream, image.config)).rejects.toThrow("not asked");
    busy.close();
  });

  test("lets one request see whether it is back, and then all", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url, { retries: 0 });
    registry.inject({ kind: "manifest" }, { disconnect: true, times: 5 });
    for (let round = 0; round < 5; round += 1) {
      await opened.upstream.headManifest(app, latest).catch(() => {});
    }
    opened.clock.advance(5000);
    const hold = registry.inject({ kind: "manifest" }, { hold: true, times: 1 });
    const probe = opened.upstream.headManifest(app, latest);
    await hold.reached;
    await expect(opened.upstream.headManifest(app, latest)).rejects.toThrow("not asked");
    hold.release();
    expect(await probe).toEqual(head);
    expect(await opened.upstream.headManifest(app, latest)).toEqual(head);
  });

  test("of one endpoint leaves the others in use", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    await first.stop();
    let attempts = 0;
    await using opened = openUpstream([first.url, second.url], {
      onAttempt: () => (attempts += 1),
    });
    for (let round = 0; round < 10; round += 1) {
      expect(await opened.upstream.headManifest(app, latest)).toEqual(head);
    }
    expect(attempts).toBe(15);
  });

  test.each([429, 404, 403])("stays closed on status %i", async (status) => {
    await using registry = await startRegistry();
    const fault = registry.inject({ kind: "manifest" }, { status });
    await using opened = openUpstream(registry.url);
    for (let round = 0; round < 10; round += 1) {
      await opened.upstream.getManifest(app, latest).catch(() => {});
    }
    fault.remove();
    expect(await opened.upstream.headManifest(app, latest)).toEqual(head);
  });
});

describe("connections", () => {
  test("busy with layers do not keep manifests waiting", async () => {
    await using registry = await startRegistry();
    const blob = makeBlob(100_000);
    registry.addBlob(app, blob);
    const stall = registry.inject({ kind: "blob" }, { stallAfter: 10 });
    await using opened = openUpstream(registry.url, { connections: 4 });
    const layers = Array.from({ length: 6 }, () =>
      opened.upstream.openBlob(app, blob.digest, { start: 0, end: undefined }, never),
    );
    await registry.journal.waitFor({ kind: "blob", status: 200 }, 3);
    expect(await opened.upstream.headManifest(app, latest)).toEqual(head);
    expect(registry.journal.count({ kind: "blob" })).toBe(3);
    stall.remove();
    for (const layer of layers) {
      const remote = await layer;
      if (remote) expect((await readAll(remote)).equals(blob.bytes)).toBe(true);
    }
    expect(registry.journal.count({ kind: "blob" })).toBe(6);
  });

  test("come back from bodies that are closed, that break and that nobody read", async () => {
    await using registry = await startRegistry();
    const blob = makeBlob(1_000_000);
    registry.addBlob(app, blob);
    await using opened = openUpstream(registry.url, { connections: 2 });
    (await openBlob(opened.upstream, blob)).close();

    registry.inject({ kind: "blob" }, { cutAfter: 1000, times: 1 });
    await readAll(await openBlob(opened.upstream, blob)).catch(() => {});

    const controller = new AbortController();
    const range = { start: 0, end: undefined };
    await opened.upstream.openBlob(app, blob.digest, range, controller.signal);
    controller.abort();

    for await (const _ of chunksOf(await openBlob(opened.upstream, blob))) break;
    expect((await readAll(await openBlob(opened.upstream, blob))).equals(blob.bytes)).toBe(true);
  });
});
