import { describe, expect, test } from "@jest/globals";
import { rule } from "../support/cached-content.ts";
import { FakeRegistry } from "../support/fake-registry.ts";
import { makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";

const image = makeImage();
const path = "/v2/library/app/manifests/latest";
const day = 24 * 3_600_000;

/** The tag was pulled, and is gone upstream. */
async function startWithDeletedTag(options: Partial<TestMirrorOptions> = {}) {
  await using starting = new AsyncDisposableStack();
  const registry = starting.use(await FakeRegistry.start());
  registry.addImage("library/app", "latest", image);
  const mirror = starting.use(await TestMirror.start({ endpoints: [registry.url], ...options }));
  await pull(mirror, "app", "latest", image);
  registry.deleteTag("library/app", "latest");
  const held = starting.move();
  return { registry, mirror, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

describe("a tag that upstream deletes", () => {
  test("goes when nobody pinned it", async () => {
    await using world = await startWithDeletedTag();
    world.mirror.clock.advance(day);
    expect((await world.mirror.get(path)).status).toBe(404);
  });

  test("is served on while it is pinned by command, and goes when it is not any more", async () => {
    await using world = await startWithDeletedTag();
    await world.mirror.run("pin", { name: "app" });
    world.mirror.clock.advance(day);
    const kept = await world.mirror.get(path);
    expect(kept.body.equals(image.manifest.bytes)).toBe(true);
    expect(kept.headers).toMatchObject({ "x-cache": "STALE" });
    expect(kept.headers["warning"]).toContain("no longer has this tag");
    await world.mirror.run("unpin", { name: "app" });
    world.mirror.clock.advance(day);
    expect((await world.mirror.get(path)).status).toBe(404);
  });

  test("goes when its pin has run out", async () => {
    await using world = await startWithDeletedTag();
    const until = world.mirror.clock.now() + day;
    await world.mirror.run("pin", { name: "app", until });
    world.mirror.clock.advance(2 * day);
    expect((await world.mirror.get(path)).status).toBe(404);
  });

  test("is served on while a rule pins it", async () => {
    const rules = [rule("docker.io/library/app", { pin: true })];
    await using world = await startWithDeletedTag({ rules });
    world.mirror.clock.advance(day);
    expect((await world.mirror.get(path)).headers["x-cache"]).toBe("STALE");
  });
});
