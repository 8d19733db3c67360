import { describe, expect, test } from "@jest/globals";
import { UpstreamError } from "../../../src/upstream/upstream.ts";
import { rule } from "../../support/cached-content.ts";
import { makeImage } from "../../support/images.ts";
import { MirrorWorld, type MirrorWorldOptions } from "./mirror-world.ts";

const day = 86_400_000;
const { manifest } = makeImage();
const tags = ["a", "b", "c"];
const warning = "docker.io's rate limit is nearly used up; this is what it last had";

/** Three tags are here, and due; upstream has nothing left of its limit, or so much. */
async function startThrifty(
  options: MirrorWorldOptions & { remaining?: number } = {},
): Promise<MirrorWorld> {
  const world = new MirrorWorld(options);
  for (const tag of tags) {
    world.upstream.addManifest("library/app", manifest, tag);
    await world.findTag(tag);
  }
  world.clock.advance(60_000);
  world.upstream.calls.length = 0;
  const toldAt = world.clock.now();
  const { remaining = 0 } = options;
  world.upstream.budget = { limit: 100, remaining, windowMs: 60 * day, toldAt };
  return world;
}

async function findAll(world: MirrorWorld) {
  const found = await Promise.all(tags.map((tag) => world.findTag(tag)));
  return found.map((answer) => answer?.cache);
}

describe("tags of an upstream whose rate limit is nearly used up", () => {
  test("are served as they are, but for one", async () => {
    await using world = await startThrifty();
    expect(await findAll(world)).toEqual(["REVALIDATED", "STALE", "STALE"]);
    expect(world.upstream.calls).toEqual(["headManifest library/app a"]);
    const answer = await world.findTag("b");
    expect(answer).toMatchObject({ manifest, warning });
    expect(answer?.ageMs).toBeGreaterThanOrEqual(60_000);
  });

  test("are revalidated one by one, so that the rest lasts", async () => {
    await using world = await startThrifty({ remaining: 10 });
    await findAll(world);
    world.clock.advance(6 * day);
    expect(await findAll(world)).toEqual(["STALE", "REVALIDATED", "STALE"]);
    world.clock.advance(6 * day);
    expect(await findAll(world)).toEqual(["STALE", "STALE", "REVALIDATED"]);
  });

  test("are asked for when they are not here", async () => {
    await using world = await startThrifty();
    await findAll(world);
    world.upstream.addManifest("library/app", makeImage({ seed: "new" }).manifest, "new");
    expect((await world.findTag("new"))?.cache).toBe("MISS");
    expect(await world.findTag("none")).toBeUndefined();
  });

  test("are asked for when they are older than may be served", async () => {
    await using world = await startThrifty({ tags: { serveStaleForMs: day } });
    await findAll(world);
    world.clock.advance(2 * day);
    expect(await findAll(world)).toEqual(["REVALIDATED", "REVALIDATED", "REVALIDATED"]);
  });

  test("are hits while they are fresh, or immutable", async () => {
    const rules = [rule("docker.io/library/app:c", { immutable: true })];
    await using world = await startThrifty({ rules });
    expect(await findAll(world)).toEqual(["REVALIDATED", "STALE", "HIT"]);
    expect((await world.findTag("a"))?.cache).toBe("HIT");
  });

  test("are revalidated again when there is more left", async () => {
    await using world = await startThrifty();
    await findAll(world);
    const toldAt = world.clock.now();
    world.upstream.budget = { limit: 100, remaining: 100, windowMs: day, toldAt };
    expect(await findAll(world)).toEqual(["HIT", "REVALIDATED", "REVALIDATED"]);
    expect(world.lines.map(({ level }) => level)).toEqual(["warn", "info"]);
  });

  test("say that upstream is away when it is", async () => {
    await using world = await startThrifty();
    world.upstream.failure = new UpstreamError("rate-limited", "429");
    expect((await world.findTag("a"))?.warning).toContain("limits this mirror's requests");
    expect((await world.findTag("b"))?.warning).toBe(warning);
  });
});
