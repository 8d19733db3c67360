import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = makeImage();
const other = makeImage({ seed: "another" });
const { digest } = image.manifest;
const byTag = "/v2/library/app/manifests/latest";
const byDigest = `/v2/library/app/manifests/${digest}`;
const hour = 3_600_000;
const day = 24 * hour;

/** A mirror that was asked for an image so often that it answers from memory. */
async function startWorld() {
  await using starting = new AsyncDisposableStack();
  const registry = starting.use(await FakeRegistry.start());
  const { path: storage } = starting.use(await makeTempDir());
  registry.addImage("library/app", "latest", image);
  const statements: string[] = [];
  const onStatement = (sql: string) => void statements.push(sql);
  const mirror = await TestMirror.start({
    endpoints: [registry.url],
    limits: { maxAgeMs: 30 * day },
    storage,
    onStatement,
  });
  starting.use(mirror);
  await pull(mirror, "app", "latest", image);
  for (const path of [byTag, byTag, byTag, byDigest, byDigest, byDigest]) await mirror.get(path);
  const held = starting.move();
  return {
    registry,
    mirror,
    storage,
    statements,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Statements about the image during a request that must be a HIT; background work has others. */
async function statementsOf(
  { mirror, statements }: Pick<Awaited<ReturnType<typeof startWorld>>, "mirror" | "statements">,
  path: string,
): Promise<string[]> {
  statements.length = 0;
  expect((await mirror.get(path)).headers["x-cache"]).toBe("HIT");
  const subjects = [digest, path.slice(path.lastIndexOf("/") + 1)].map(asTold);
  return statements.filter((sql) => subjects.some((subject) => sql.includes(subject)));
}

/** SQLite tells of values no more than their beginnings. */
function asTold(value: string): string {
  return value.slice(0, 20);
}

describe("statements of a warm request", () => {
  test.each([byTag, byDigest])("are none for %s that is remembered", async (path) => {
    await using world = await startWorld();
    expect(await statementsOf(world, path)).toEqual([]);
  });

  test.each([byTag, byDigest])("are up to three for %s after a restart", async (path) => {
    await using earlier = await startWorld();
    const { registry, storage, statements, mirror } = earlier;
    await mirror[Symbol.asyncDispose]();
    const onStatement = (sql: string) => void statements.push(sql);
    await using later = await TestMirror.start({ endpoints: [registry.url], storage, onStatement });
    const first = await statementsOf({ mirror: later, statements }, path);
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThanOrEqual(3);
    for (const sql of first) expect(sql.trim()).toMatch(/^SELECT/);
    expect(await statementsOf({ mirror: later, statements }, path)).toEqual([]);
  });

  test("are at most two for a blob, and none of them writes", async () => {
    await using world = await startWorld();
    const [layer] = image.layers;
    const path = `/v2/library/app/blobs/${layer?.digest}`;
    await world.mirror.get(path);
    const statements = await statementsOf(world, path);
    expect(statements.length).toBeLessThanOrEqual(2);
    for (const sql of statements) expect(sql.trim()).toMatch(/^SELECT/);
  });
});

/** Statements that note so many further requests down, at the end. */
async function statementsAfter(requests: number): Promise<number> {
  await using world = await startWorld();
  const { mirror, statements } = world;
  for (let count = 0; count < requests; count += 1) await mirror.get(byTag);
  statements.length = 0;
  await mirror[Symbol.asyncDispose]();
  return statements.filter((sql) => /used_at|INTO traffic/.test(sql)).length;
}

describe("what is written of requests", () => {
  test("takes as many statements for many requests as for a few", async () => {
    const few = await statementsAfter(1);
    expect(few).toBeGreaterThan(0);
    expect(await statementsAfter(300)).toBeLessThanOrEqual(few);
  });

  test("counts each of them", async () => {
    await using world = await startWorld();
    const { mirror } = world;
    const { traffic: before } = await mirror.run("stats", {});
    for (const path of [byTag, byDigest, byTag]) await mirror.get(path);
    const { traffic } = await mirror.run("stats", {});
    expect([traffic.requests - before.requests, traffic.hits - before.hits]).toEqual([3, 3]);
    expect(traffic.bytes - before.bytes).toBe(3 * image.manifest.bytes.length);
  });
});

describe("what is remembered", () => {
  const ends: Record<string, (world: Awaited<ReturnType<typeof startWorld>>) => Promise<unknown>> =
    {
      "is evicted": ({ mirror }) => {
        mirror.clock.advance(hour);
        return mirror.run("evict", { olderThanMs: 1, dryRun: false });
      },
      "expires unused": ({ mirror }) => {
        mirror.clock.advance(31 * day);
        return mirror.run("evict", { dryRun: false });
      },
      "is removed by name": ({ mirror }) => mirror.run("remove", { names: ["app"], allTags: true }),
    };

  test.each(Object.keys(ends))("is forgotten when it %s", async (end) => {
    await using world = await startWorld();
    await ends[end]?.(world);
    expect((await world.mirror.get(byDigest)).headers["x-cache"]).toBe("MISS");
    expect((await world.mirror.get(byTag)).headers["x-cache"]).toBe("REVALIDATED");
  });

  test("of a tag is asked about again in time, and follows it", async () => {
    await using world = await startWorld();
    const { registry, mirror } = world;
    registry.addImage("library/app", "latest", other);
    expect((await mirror.get(byTag)).headers["docker-content-digest"]).toBe(digest);
    mirror.clock.advance(hour);
    const moved = await mirror.get(byTag);
    expect(moved.headers).toMatchObject({
      "docker-content-digest": other.manifest.digest,
      "x-cache": "MISS",
    });
    expect((await mirror.get(byTag)).body.equals(other.manifest.bytes)).toBe(true);
    expect((await mirror.get(byDigest)).headers["x-cache"]).toBe("HIT");
  });

  test("of a tag goes when upstream deletes it", async () => {
    await using world = await startWorld();
    world.registry.deleteTag("library/app", "latest");
    world.mirror.clock.advance(hour);
    expect((await world.mirror.get(byTag)).status).toBe(404);
    expect((await world.mirror.get(byTag)).status).toBe(404);
  });

  test("of a tag is fresh again when upstream confirmed it", async () => {
    await using world = await startWorld();
    world.mirror.clock.advance(hour);
    const outcomes: unknown[] = [];
    for (let count = 0; count < 3; count += 1) {
      outcomes.push((await world.mirror.get(byTag)).headers["x-cache"]);
    }
    expect(outcomes).toEqual(["REVALIDATED", "HIT", "HIT"]);
  });
});
