import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { makeBlob, makeImage } from "../../support/images.ts";
import { chunksOf } from "../../support/remote-blob-chunks.ts";
import { app, latest, openBlob, openUpstream, type OpenedUpstream } from "./open-upstream.ts";

const image = makeImage();
const blob = makeBlob(400_000);
const range = { start: 0, end: undefined };
const staleMs = 5 * 60_000 + 1;

interface World extends OpenedUpstream {
  a: FakeRegistry;
  b: FakeRegistry;
}

async function startWorld(strategy: "ordered" | "fastest" = "fastest"): Promise<World> {
  await using starting = new AsyncDisposableStack();
  const a = starting.use(await FakeRegistry.start());
  const b = starting.use(await FakeRegistry.start());
  for (const each of [a, b]) {
    each.addImage(app, "latest", image);
    each.addBlob(app, blob);
  }
  const opened = openUpstream([a.url, b.url], { strategy });
  starting.use(opened.upstream);
  const held = starting.move();
  return { ...opened, a, b, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** One HEAD, which `registry` is expected to get and to answer after so long. */
async function head({ upstream, clock }: World, registry: FakeRegistry, ms: number) {
  const hold = registry.inject({ kind: "manifest" }, { hold: true, times: 1 });
  const answer = upstream.headManifest(app, latest);
  await hold.reached;
  clock.advance(ms);
  hold.release();
  expect(await answer).toBeDefined();
}

/** One blob, which `registry` is expected to send, and to make wait for its end so long. */
async function download({ upstream, clock }: World, registry: FakeRegistry, ms: number) {
  const stall = registry.inject({ kind: "blob" }, { stallAfter: 300_000, times: 1 });
  const iterator = chunksOf(await openBlob(upstream, blob));
  let received = 0;
  while (received < 300_000) received += (await iterator.next()).value?.length ?? 0;
  const next = iterator.next();
  await stall.reached;
  clock.advance(ms);
  stall.release();
  for (let step = await next; !step.done; step = await iterator.next())
    received += step.value.length;
  expect(received).toBe(400_000);
}

describe("the strategy fastest", () => {
  test("tries each endpoint early, and then sends requests to the one that answers soonest", async () => {
    await using world = await startWorld();
    await head(world, world.a, 300);
    await head(world, world.b, 100);
    for (let count = 0; count < 3; count += 1) await head(world, world.b, 100);
    expect(world.upstream.describe().endpoints).toMatchObject([
      { latencyMs: 300, requests: 1 },
      { latencyMs: 100, requests: 4 },
    ]);
  });

  test("turns to another one when the first has become slower", async () => {
    await using world = await startWorld();
    await head(world, world.a, 100);
    await head(world, world.b, 300);
    await head(world, world.a, 2000);
    await head(world, world.b, 300);
  });

  test("forgets what is older than five minutes, so that what has recovered is found", async () => {
    await using world = await startWorld();
    await head(world, world.a, 300);
    await head(world, world.b, 100);
    world.clock.advance(staleMs);
    await head(world, world.a, 10);
    await head(world, world.b, 100);
    await head(world, world.a, 10);
  });

  test("sends blobs to where they come fastest, whatever the latency", async () => {
    await using world = await startWorld();
    await head(world, world.a, 100);
    await head(world, world.b, 300);
    await download(world, world.a, 8000);
    await download(world, world.b, 2000);
    await download(world, world.b, 2000);
    await head(world, world.a, 100);
    expect(world.upstream.describe().endpoints).toMatchObject([
      { bytesPerSecond: 50_000 },
      { bytesPerSecond: 200_000 },
    ]);
  });

  test("lets one request at a time find out about an endpoint", async () => {
    await using world = await startWorld();
    const first = world.a.inject({ kind: "blob" }, { hold: true });
    const second = world.b.inject({ kind: "blob" }, { hold: true });
    const controller = new AbortController();
    const open = () =>
      world.upstream.openBlob(app, blob.digest, range, controller.signal).catch(() => undefined);
    const opening = [open()];
    await first.reached;
    opening.push(open());
    await second.reached;
    opening.push(open());
    await world.a.journal.waitFor({ kind: "blob" }, 2);
    expect(world.b.journal.count()).toBe(1);
    controller.abort();
    await Promise.all(opening);
  });

  test("still asks those last that sent what is wrong", async () => {
    await using world = await startWorld();
    await head(world, world.a, 100);
    await head(world, world.b, 300);
    world.upstream.distrust([world.a.url]);
    await head(world, world.b, 300);
    world.clock.advance(60_000);
    await head(world, world.a, 100);
  });
});

describe("the strategy ordered", () => {
  test("does not care for what is measured", async () => {
    await using world = await startWorld("ordered");
    await head(world, world.a, 3000);
    await head(world, world.a, 3000);
    await download(world, world.a, 60_000);
    await download(world, world.a, 60_000);
    expect(world.b.journal.entries).toEqual([]);
  });
});
