import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import type { Fault } from "../support/fake-registry-faults.ts";
import type { JournalEntry } from "../support/fake-registry-journal.ts";
import { makeBlob, type TestBlob } from "../support/images.ts";
import { ShiftedClock } from "../support/shifted-clock.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";
import { eventually } from "../support/wait.ts";

const mib = 1024 * 1024;
const blob = makeBlob(64 * mib, "large");
/** Of 8 MiB each, at most; the first request is for all of it. */
const pieces = 8;
/** Slow to the point that more connections are tried: one megabyte, and no more before `release`. */
const stalled: Fault = { stallAfter: mib };

const isWhole = ({ kind, headers }: JournalEntry) => kind === "blob" && headers.range === undefined;
const isPiece = ({ kind, headers }: JournalEntry) => kind === "blob" && headers.range !== undefined;

/** No window of time ever passes in which a rate could be measured. */
class InstantClock extends ShiftedClock {
  override sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, reject } = Promise.withResolvers<void>();
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    return promise;
  }
}

async function startWorld(options: Partial<TestMirrorOptions> = {}, count = 1) {
  await using starting = new AsyncDisposableStack();
  const registries: FakeRegistry[] = [];
  for (let index = 0; index < count; index += 1) {
    const registry = starting.use(await FakeRegistry.start());
    registry.addBlob("library/app", blob);
    registries.push(registry);
  }
  const [registry] = registries;
  if (!registry) throw new Error("one registry at least");
  const mirror = starting.use(
    await TestMirror.start({
      endpoints: registries.map(({ url }) => url),
      upstream: { stallTimeoutMs: 20_000, ...options.upstream },
      ...(options.clock && { clock: options.clock }),
    }),
  );
  const held = starting.move();
  return { mirror, registry, registries, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const pathOf = ({ digest }: TestBlob) => `/v2/library/app/blobs/${digest}`;

async function expectWhole(answer: ReturnType<TestMirror["get"]>, expected = blob): Promise<void> {
  const { status, body } = await answer;
  expect(status).toBe(200);
  expect(body.equals(expected.bytes)).toBe(true);
}

/** All that can come beside the stalled first request: it has come. */
async function piecesHaveCome(registry: FakeRegistry): Promise<void> {
  await eventually("further connections bring the rest", () => {
    const begun = registry.journal.list(isPiece);
    const ends = begun.map(({ headers }) => headers.range?.endsWith("-"));
    return ends.includes(true) && begun.every(({ ended }) => ended);
  });
}

describe("a large blob", () => {
  test("comes over more connections where one is slow, each byte asked for once", async () => {
    await using world = await startWorld();
    const { registry, mirror } = world;
    const stall = registry.inject(isWhole, stalled);
    const answer = mirror.get(pathOf(blob));
    await piecesHaveCome(registry);
    stall.release();
    await expectWhole(answer);
    const starts = registry.journal.list(isPiece).map(rangeOf);
    expect(starts.length).toBeLessThanOrEqual(pieces);
    starts.sort((a, b) => a.start - b.start);
    for (const [index, { end }] of starts.entries()) {
      expect(end).toBe(starts[index + 1]?.start ?? blob.bytes.length);
    }
    expect(registry.journal.count(isWhole)).toBe(1);
    expect(mirror.log.some(({ msg }) => msg === "a download gets more connections")).toBe(true);
  });

  test("comes in one request where it comes fast, for all clients together", async () => {
    await using world = await startWorld({ clock: new InstantClock() });
    const { registry, mirror } = world;
    await Promise.all(Array.from({ length: 8 }, () => expectWhole(mirror.get(pathOf(blob)))));
    expect(registry.journal.summary()).toEqual([`GET blob ${blob.digest} 200`]);
  });

  test.each([
    ["no more are allowed", { connectionsPerBlob: 1 }],
    ["it is not large enough", { parallelFromBytes: blob.bytes.length + 1 }],
  ])("comes over one connection where %s, however slow", async (_, upstream) => {
    await using world = await startWorld({ upstream });
    const { registry, mirror } = world;
    registry.addBlob("library/wide", blob);
    await using wide = await TestMirror.start({ endpoints: [registry.url] });
    const stall = registry.inject(isWhole, stalled);
    const answer = mirror.get(pathOf(blob));
    await stall.reached;
    // Begun later, and given more connections by now.
    const other = wide.get(pathOf(blob).replace("/app/", "/wide/"));
    await registry.journal.waitFor(
      (entry) => isPiece(entry) && entry.repository === "library/wide",
    );
    stall.release();
    await Promise.all([expectWhole(answer), expectWhole(other)]);
    expect(registry.journal.count({ repository: "library/app" })).toBe(1);
  });

  test("comes whole where pieces break off, from other endpoints and over the first connection", async () => {
    await using world = await startWorld({}, 2);
    const [first, second] = world.registries;
    const stall = first?.inject(isWhole, stalled);
    for (const registry of world.registries) {
      registry.inject(isPiece, { cutAfter: 2 * mib, times: 1 });
    }
    const answer = world.mirror.get(pathOf(blob));
    await second?.journal.waitFor(isPiece);
    stall?.release();
    await expectWhole(answer);
  });

  test("goes out whole to nobody where a piece has a wrong byte, and comes right the next time", async () => {
    await using world = await startWorld();
    const { registry, mirror } = world;
    const stall = registry.inject(isWhole, stalled);
    const flip = registry.inject(isPiece, { flipByteAt: 20 * mib });
    const answer = expect(mirror.get(pathOf(blob))).rejects.toThrow();
    await piecesHaveCome(registry);
    stall.remove();
    stall.release();
    await answer;
    flip.remove();
    registry.journal.clear();
    await expectWhole(mirror.get(pathOf(blob)));
    expect(registry.journal.count(isWhole)).toBe(1);
  });

  test("comes over the first connection alone where all others fail", async () => {
    await using world = await startWorld({ upstream: { retries: 0 } });
    const { registry, mirror } = world;
    const stall = registry.inject(isWhole, stalled);
    const failing = registry.inject(isPiece, { status: 500, times: 3 });
    const answer = mirror.get(pathOf(blob));
    await eventually("all have failed", () => failing.hits === 3);
    stall.release();
    await expectWhole(answer);
    expect(registry.journal.summary()).toEqual([
      `GET blob ${blob.digest} 200`,
      ...Array(3).fill(`GET blob ${blob.digest} 500`),
    ]);
  });

  test("is not asked for in pieces again where the endpoint ignores ranges", async () => {
    await using world = await startWorld();
    const { registry, mirror } = world;
    const next = makeBlob(40 * mib, "next");
    registry.addBlob("library/app", next);
    registry.inject(isPiece, { ignoreRange: true });
    for (const each of [blob, next]) {
      const stall = registry.inject(isWhole, stalled);
      const answer = mirror.get(pathOf(each));
      await stall.reached;
      if (each === blob) await registry.journal.waitFor((entry) => isPiece(entry) && entry.ended);
      stall.remove();
      if (each === blob) await registry.journal.waitFor((entry) => isWhole(entry) && entry.ended);
      await expectWhole(answer, each);
    }
    expect(registry.journal.count({ reference: next.digest })).toBe(1);
  });

  test("leaves a connection to a blob that begins later, and never takes more than there are", async () => {
    await using world = await startWorld({ upstream: { connections: 4, stallTimeoutMs: 20_000 } });
    const { registry, mirror } = world;
    const other = makeBlob(mib, "other");
    registry.addBlob("library/app", other);
    const stall = registry.inject({ kind: "blob", reference: blob.digest }, stalled);
    const answer = mirror.get(pathOf(blob));
    await registry.journal.waitFor(isPiece);
    await expectWhole(mirror.get(pathOf(other)), other);
    expect(registry.journal.list(({ ended }) => !ended)).toHaveLength(2);
    stall.release();
    await expectWhole(answer);
  });

  test("that is broken off goes on where it has holes", async () => {
    await using directory = await makeTempDir();
    await using registry = await FakeRegistry.start();
    registry.addBlob("library/app", blob);
    const start = () =>
      TestMirror.start({
        endpoints: [registry.url],
        storage: directory.path,
        upstream: { stallTimeoutMs: 20_000 },
        drainTimeoutMs: 0,
      });
    const stall = registry.inject(isWhole, stalled);
    await using before = new AsyncDisposableStack();
    const mirror = before.use(await start());
    const broken = expect(mirror.get(pathOf(blob))).rejects.toThrow();
    await piecesHaveCome(registry);
    const front = Math.min(...registry.journal.list(isPiece).map((each) => rangeOf(each).start));
    await eventually("the pieces are on disk", async () => {
      const { downloads } = await mirror.run("stats", {});
      return downloads.some(({ received }) => received >= blob.bytes.length - front);
    });
    await before.disposeAsync();
    await broken;
    stall.remove();
    registry.journal.clear();
    await using after = await start();
    await expectWhole(after.get(pathOf(blob)));
    const [again, ...others] = registry.journal.list({ kind: "blob" });
    expect(again?.headers.range).toMatch(/^bytes=\d{5,}-$/);
    expect(others).toEqual([]);
  });
});

function rangeOf({ headers }: JournalEntry): { start: number; end: number } {
  const [, start, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  return { start: Number(start), end: last === "" ? blob.bytes.length : Number(last) + 1 };
}
