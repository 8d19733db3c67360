import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = makeImage();
const moved = makeImage({ seed: "moved" });
const hour = 3_600_000;
const day = 24 * hour;
const tags = ["a", "b", "c"];
const warning = `299 - "docker.io's rate limit is nearly used up; this is what it last had"`;

/** As Docker Hub tells it: so many of 100 requests are left, of those of six hours. */
function tell(registry: FakeRegistry, remaining: number) {
  const headers = {
    "ratelimit-limit": "100;w=21600",
    "ratelimit-remaining": `${remaining};w=21600`,
  };
  return registry.inject({ server: "registry" }, { headers });
}

/** Three tags were pulled; upstream said then how much is left. */
async function startWorld({ remaining }: { remaining: number }) {
  await using starting = new AsyncDisposableStack();
  const registry = starting.use(await FakeRegistry.start({ auth: {} }));
  for (const tag of tags) registry.addImage("library/app", tag, image);
  tell(registry, remaining);
  const endpoints = [registry.url];
  const mirror = starting.use(
    await TestMirror.start({ endpoints, tags: { serveStaleForMs: 2 * day } }),
  );
  for (const tag of tags) await pull(mirror, "app", tag, image);
  registry.journal.clear();
  const held = starting.move();
  return { registry, mirror, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Where the tags came from. */
async function pullAll(mirror: TestMirror) {
  const caches: (string | undefined)[] = [];
  for (const tag of tags) caches.push((await pull(mirror, "app", tag, image)).tag);
  return caches;
}

describe("an upstream that says that its rate limit is nearly used up", () => {
  test("is seldom asked about what is here", async () => {
    await using world = await startWorld({ remaining: 6 });
    const { mirror, registry } = world;
    mirror.clock.advance(120_000);
    expect(await pullAll(mirror)).toEqual(["REVALIDATED", "STALE", "STALE"]);
    expect(await pullAll(mirror)).toEqual(["HIT", "STALE", "STALE"]);
    expect(registry.journal.count({ kind: "manifest" })).toBe(1);
    mirror.clock.advance(hour);
    expect(await pullAll(mirror)).toEqual(["STALE", "REVALIDATED", "STALE"]);
  });

  test("is why a client gets what is stale, and is told so", async () => {
    await using world = await startWorld({ remaining: 0 });
    const { mirror, registry } = world;
    registry.addImage("library/app", "b", moved);
    mirror.clock.advance(120_000);
    await pullAll(mirror);
    const answer = await mirror.get("/v2/app/manifests/b");
    expect(answer.headers).toMatchObject({ "x-cache": "STALE", warning });
    expect(Number(answer.headers["age"])).toBeGreaterThanOrEqual(120);
    expect(answer.body.equals(image.manifest.bytes)).toBe(true);
  });

  test("is asked for what is not here", async () => {
    await using world = await startWorld({ remaining: 0 });
    const { mirror, registry } = world;
    mirror.clock.advance(120_000);
    await pullAll(mirror);
    registry.addImage("library/app", "new", moved);
    expect((await pull(mirror, "app", "new", moved)).tag).toBe("MISS");
  });

  test("is asked about what is older than may be served", async () => {
    await using world = await startWorld({ remaining: 0 });
    const { mirror, registry } = world;
    tell(registry, 0);
    mirror.clock.advance(2 * day - hour);
    expect(await pullAll(mirror)).toEqual(["REVALIDATED", "REVALIDATED", "STALE"]);
    mirror.clock.advance(2 * hour);
    expect((await pull(mirror, "app", "c", image)).tag).toBe("REVALIDATED");
  });

  test("is asked as ever when it has more left, and the log tells both once", async () => {
    await using world = await startWorld({ remaining: 2 });
    const { mirror, registry } = world;
    mirror.clock.advance(120_000);
    await pullAll(mirror);
    tell(registry, 80);
    mirror.clock.advance(4 * hour);
    expect(await pullAll(mirror)).toEqual(["STALE", "REVALIDATED", "REVALIDATED"]);
    expect(await pullAll(mirror)).toEqual(["REVALIDATED", "HIT", "HIT"]);
    const lines = mirror.log.filter(({ msg }) => msg.includes("rate limit"));
    expect(lines).toMatchObject([
      { level: "warn", upstream: "docker.io", limit: 100, remaining: 2 },
      { level: "info", upstream: "docker.io", limit: 100, remaining: 80 },
    ]);
  });
});

describe("an upstream with enough left", () => {
  test("is asked about all that is due", async () => {
    await using world = await startWorld({ remaining: 50 });
    world.mirror.clock.advance(120_000);
    expect(await pullAll(world.mirror)).toEqual(["REVALIDATED", "REVALIDATED", "REVALIDATED"]);
  });
});
