import { describe, expect, test } from "@jest/globals";
import type { RemoteBlob } from "../../../src/upstream/upstream.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import type { Fault } from "../../support/fake-registry-faults.ts";
import { makeBlob } from "../../support/images.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";
import { eventually } from "../../support/wait.ts";
import { chunksOf } from "../../support/remote-blob-chunks.ts";
import { app, openBlob, openUpstream, readAll } from "./open-upstream.ts";

const blob = makeBlob(200_000);
const slow = { minBytesPerSecond: 100, minRateForMs: 2000 };

/** Two endpoints with the same blob, of which the first sends 1000 bytes and then nothing. */
async function startWorld(options: { connections?: number; first?: Fault } = {}) {
  await using starting = new AsyncDisposableStack();
  const first = starting.use(await FakeRegistry.start());
  const second = starting.use(await FakeRegistry.start());
  for (const each of [first, second]) each.addBlob(app, blob);
  const stall = first.inject({ kind: "blob" }, options.first ?? { stallAfter: 1000 });
  const clock = new SteppedClock();
  const { connections = 8 } = options;
  const opened = openUpstream([first.url, second.url], { ...slow, connections, clock });
  starting.use(opened.upstream);
  const held = starting.move();
  return {
    ...opened,
    first,
    second,
    stall,
    clock,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Moves time on, second by second, each once the watch over the blob waits for it. */
async function pass(clock: SteppedClock, seconds: number): Promise<void> {
  for (let count = 0; count < seconds; count += 1) {
    await eventually("the blob is watched", () => clock.sleepers === 1);
    clock.advance(1000);
  }
}

class Reader {
  readonly parts: Uint8Array[] = [];
  length = 0;
  readonly end: Promise<Buffer>;

  constructor(remote: RemoteBlob) {
    this.end = this.#read(remote);
    this.end.catch(() => undefined);
  }

  has(bytes: number): Promise<boolean> {
    return eventually(`${bytes} bytes have come`, () => this.length >= bytes);
  }

  async #read(remote: RemoteBlob): Promise<Buffer> {
    await remote.readTo((chunk) => {
      this.parts.push(chunk);
      this.length += chunk.length;
      return undefined;
    });
    return Buffer.concat(this.parts);
  }
}

describe("a blob that comes too slowly", () => {
  test("goes on from the next endpoint at the next byte, and that is told once", async () => {
    await using world = await startWorld();
    const remote = await openBlob(world.upstream, blob);
    const reader = new Reader(remote);
    await reader.has(1000);
    await pass(world.clock, 4);
    expect((await reader.end).equals(blob.bytes)).toBe(true);
    expect(remote.endpoints).toEqual([world.first.url, world.second.url]);
    const [asked, ...others] = world.second.journal.entries;
    expect(asked?.headers.range).toBe("bytes=1000-");
    expect(others).toEqual([]);
    await world.first.journal.waitFor(({ ended }) => ended);
    expect(world.lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 30, endpoint: world.second.url, instead: world.first.url, digest: blob.digest },
    ]);
    expect(world.clock.sleepers).toBe(0);
  });

  test("keeps to the range that was asked for", async () => {
    await using world = await startWorld();
    const reader = new Reader(await openBlob(world.upstream, blob, { start: 500, end: 150_000 }));
    await reader.has(1000);
    await pass(world.clock, 4);
    expect((await reader.end).equals(blob.bytes.subarray(500, 150_000))).toBe(true);
    expect(world.second.journal.entries.map(({ headers }) => headers.range)).toEqual([
      "bytes=1500-149999",
    ]);
  });

  test("makes its endpoint the last one to be asked for a minute", async () => {
    await using world = await startWorld();
    const reader = new Reader(await openBlob(world.upstream, blob));
    await reader.has(1000);
    await pass(world.clock, 4);
    await reader.end;
    world.stall.remove();
    expect(world.upstream.describe().endpoints).toMatchObject([{ state: "slow" }, { state: "ok" }]);
    const next = await openBlob(world.upstream, blob);
    expect(next.endpoints).toEqual([world.second.url]);
    next.close();
    world.clock.advance(60_000);
    const later = await openBlob(world.upstream, blob);
    expect(later.endpoints).toEqual([world.first.url]);
    later.close();
  });

  test("goes on as it is until the next endpoint answers, with no byte twice", async () => {
    await using world = await startWorld({ first: { bytesPerSecond: 40_000 } });
    await using patient = openUpstream([world.first.url, world.second.url], {
      clock: world.clock,
      minBytesPerSecond: 1_000_000,
      minRateForMs: 2000,
    });
    const hold = world.second.inject({ kind: "blob" }, { hold: true });
    const remote = await openBlob(patient.upstream, blob);
    const reader = new Reader(remote);
    await reader.has(4000);
    await pass(world.clock, 2);
    await hold.reached;
    const [asked] = world.second.journal.entries;
    const start = Number(/^bytes=(\d+)-$/.exec(asked?.headers.range ?? "")?.[1]);
    await reader.has(start + 4000);
    expect(remote.endpoints).toEqual([world.first.url]);
    hold.release();
    expect((await reader.end).equals(blob.bytes)).toBe(true);
    expect(remote.endpoints).toEqual([world.first.url, world.second.url]);
  });

  test.each<[string, Fault]>([
    ["fails", { status: 500 }],
    ["does not have it", { status: 404 }],
    ["ignores the range", { ignoreRange: true }],
    ["has one of another size", { body: "x".repeat(300_000) }],
  ])("simply goes on where the next endpoint %s", async (_, fault) => {
    await using world = await startWorld();
    world.second.inject({ kind: "blob" }, fault);
    const remote = await openBlob(world.upstream, blob);
    const reader = new Reader(remote);
    await reader.has(1000);
    await pass(world.clock, 4);
    await world.second.journal.waitFor(({ ended }) => ended);
    await pass(world.clock, 4);
    world.stall.release();
    expect((await reader.end).equals(blob.bytes)).toBe(true);
    expect(remote.endpoints).toEqual([world.first.url]);
    expect(world.second.journal.count()).toBe(1);
    expect(world.upstream.describe().endpoints[0]).toMatchObject({ state: "ok" });
  });

  test("ends without the next endpoint where it is done first", async () => {
    await using world = await startWorld({ connections: 4 });
    world.second.inject({ kind: "blob" }, { hold: true });
    const remote = await openBlob(world.upstream, blob);
    const reader = new Reader(remote);
    await reader.has(1000);
    await pass(world.clock, 4);
    await world.second.journal.waitFor({ kind: "blob" });
    world.stall.release();
    expect((await reader.end).equals(blob.bytes)).toBe(true);
    await world.second.journal.waitFor(({ ended }) => ended);
    expect(remote.endpoints).toEqual([world.first.url]);
    await expectFreeSlots(world, 3);
  });

  test("is slow only by a rate below the limit", async () => {
    await using world = await startWorld();
    const remote = await openBlob(world.upstream, blob);
    const reader = new Reader(remote);
    await reader.has(1000);
    // 1000 bytes in 3 s: above 100 a second.
    await pass(world.clock, 3);
    expect(world.second.journal.entries).toEqual([]);
    remote.close();
    await expect(reader.end).rejects.toMatchObject({ failure: "unreachable" });
  });

  test("is not slow where its reader is", async () => {
    await using world = await startWorld();
    const remote = await openBlob(world.upstream, blob);
    const chunks = chunksOf(remote);
    await chunks.next();
    await pass(world.clock, 20);
    await eventually("the blob is watched", () => world.clock.sleepers === 1);
    expect(world.second.journal.entries).toEqual([]);
    remote.close();
  });

  test("is left as it is where there is no other endpoint", async () => {
    await using registry = await FakeRegistry.start();
    registry.addBlob(app, blob);
    const stall = registry.inject({ kind: "blob" }, { stallAfter: 1000 });
    const clock = new SteppedClock();
    await using opened = openUpstream(registry.url, { ...slow, clock });
    const reader = new Reader(await openBlob(opened.upstream, blob));
    await reader.has(1000);
    expect(clock.sleepers).toBe(0);
    stall.release();
    expect((await reader.end).equals(blob.bytes)).toBe(true);
  });

  test("is not asked for where another endpoint was slow or broke off lately", async () => {
    await using world = await startWorld();
    world.second.inject({ kind: "blob" }, { cutAfter: 10, times: 1 });
    await using behind = openUpstream([world.second.url, world.first.url], {
      ...slow,
      clock: world.clock,
    });
    await readAll(await openBlob(behind.upstream, blob)).catch(() => undefined);
    const remote = await openBlob(behind.upstream, blob);
    expect(remote.endpoints).toEqual([world.first.url]);
    const reader = new Reader(remote);
    await reader.has(1000);
    await pass(world.clock, 4);
    await eventually("the blob is watched", () => world.clock.sleepers === 1);
    expect(world.second.journal.count()).toBe(1);
    remote.close();
  });
});

describe("a blob that is being taken over", () => {
  test("ends with the signal's reason when it is aborted", async () => {
    await using world = await startWorld({ connections: 4 });
    const hold = world.second.inject({ kind: "blob" }, { hold: true });
    const controller = new AbortController();
    const range = { start: 0, end: undefined };
    const { signal } = controller;
    const remote = await world.upstream.openBlob(app, blob.digest, range, signal);
    if (!remote) throw new Error("the blob is not there");
    const reader = new Reader(remote);
    await reader.has(1000);
    await pass(world.clock, 4);
    await hold.reached;
    controller.abort(new Error("enough"));
    await expect(reader.end).rejects.toThrow("enough");
    await world.second.journal.waitFor(({ ended }) => ended);
    world.stall.remove();
    await expectFreeSlots(world, 3);
  });

  test("ends with its reader, and gives both connections back", async () => {
    await using world = await startWorld({ connections: 4 });
    const hold = world.second.inject({ kind: "blob" }, { hold: true });
    const remote = await openBlob(world.upstream, blob);
    const reader = new Reader(remote);
    await reader.has(1000);
    await pass(world.clock, 4);
    await hold.reached;
    remote.close();
    await expect(reader.end).rejects.toMatchObject({ failure: "unreachable" });
    await world.first.journal.waitFor(({ ended }) => ended);
    await world.second.journal.waitFor(({ ended }) => ended);
    world.stall.remove();
    await expectFreeSlots(world, 3);
    expect(world.clock.sleepers).toBe(0);
    expect(world.lines).toEqual([]);
  });
});

/** So many blobs can be open at once. */
async function expectFreeSlots(
  { upstream, second, stall }: Awaited<ReturnType<typeof startWorld>>,
  count: number,
): Promise<void> {
  stall.remove();
  second.inject({ kind: "blob" }, {});
  const open = Array.from({ length: count }, () => openBlob(upstream, blob));
  for (const remote of await Promise.all(open)) remote.close();
}
