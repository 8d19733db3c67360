import { describe, expect, test } from "@jest/globals";
import { parseReference } from "../../../src/oci/reference.ts";
import type { RegistryUpstreamOptions } from "../../../src/upstream/registry-upstream.ts";
import { FakeRegistry, type FakeRegistryOptions } from "../../support/fake-registry.ts";
import { makeImage, makeManifest } from "../../support/images.ts";
import {
  app,
  latest,
  openBlob,
  openUpstream,
  passwordSource,
  readAll,
  type OpenedUpstream,
} from "./open-upstream.ts";

const image = makeImage({ layers: [100_000] });
const [layer = image.config] = image.layers;
const byDigest = parseReference(image.manifest.digest);

interface World extends OpenedUpstream {
  content: FakeRegistry;
  full: FakeRegistry;
}

/** A content endpoint, and behind it one of full trust. */
async function startWorld(
  options: Partial<Omit<RegistryUpstreamOptions, "endpoints">> = {},
  registry: FakeRegistryOptions = {},
): Promise<World> {
  await using starting = new AsyncDisposableStack();
  const content = starting.use(await FakeRegistry.start(registry));
  const full = starting.use(await FakeRegistry.start());
  for (const each of [content, full]) each.addImage(app, "latest", image);
  const endpoints = [{ url: content.url, trust: "content" as const }, full.url];
  const opened = openUpstream(endpoints, options);
  starting.use(opened.upstream);
  const held = starting.move();
  return { ...opened, content, full, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

describe("a content endpoint", () => {
  test("is asked for blobs and for manifests by digest, in its turn", async () => {
    await using world = await startWorld();
    expect((await world.upstream.getManifest(app, byDigest))?.digest).toBe(image.manifest.digest);
    const remote = await openBlob(world.upstream, layer);
    expect(remote.endpoints).toEqual([world.content.url]);
    expect((await readAll(remote)).equals(layer.bytes)).toBe(true);
    expect(world.full.journal.entries).toEqual([]);
  });

  test("is not asked for tags, HEADs, tag lists and referrers, were the others away", async () => {
    await using world = await startWorld({ retries: 0 });
    const { upstream } = world;
    const ask = () => [
      upstream.headManifest(app, latest),
      upstream.headManifest(app, byDigest),
      upstream.getManifest(app, latest),
      upstream.headBlob(app, layer.digest),
      upstream.listTags(app, new URLSearchParams()),
      upstream.listReferrers(app, image.manifest.digest),
    ];
    await Promise.all(ask());
    await world.full.stop();
    for (const { status } of await Promise.allSettled(ask())) expect(status).toBe("rejected");
    expect(world.content.journal.entries).toEqual([]);
  });

  test.each([400, 401, 402, 403, 404, 405, 410, 416, 451])(
    "that answers %i gives way to the next",
    async (status) => {
      await using world = await startWorld();
      world.content.inject({}, { status });
      const remote = await openBlob(world.upstream, layer);
      expect(remote.endpoints).toEqual([world.full.url]);
      remote.close();
      expect(await world.upstream.getManifest(app, byDigest)).toBeDefined();
      expect(world.clock.sleeps).toEqual([]);
    },
  );

  test("that lacks something is asked for the next all the same", async () => {
    await using world = await startWorld();
    world.content.inject({ kind: "blob" }, { status: 410, times: 1 });
    (await openBlob(world.upstream, layer)).close();
    expect((await openBlob(world.upstream, image.config)).endpoints).toEqual([world.content.url]);
  });

  test("behind one of full trust is not asked for what that one does not have", async () => {
    await using content = await FakeRegistry.start();
    await using full = await FakeRegistry.start();
    content.addImage(app, "latest", image);
    await using opened = openUpstream([full.url, { url: content.url, trust: "content" }]);
    expect(await opened.upstream.getManifest(app, byDigest)).toBeUndefined();
    expect(content.journal.entries).toEqual([]);
  });

  test.each([404, 403])("that answers %i does not decide where the others fail", async (status) => {
    await using world = await startWorld({ retries: 0 });
    world.content.inject({}, { status });
    world.full.inject({}, { status: 503 });
    const failure = { failure: "server-error" };
    for (let count = 0; count < 5; count += 1) {
      await expect(openBlob(world.upstream, layer)).rejects.toMatchObject(failure);
    }
    await expect(openBlob(world.upstream, layer)).rejects.toThrow(
      `not asked, as it did not answer lately: ${world.full.url}`,
    );
  });

  test("that fails does not hide that the others deny", async () => {
    await using world = await startWorld({ retries: 0 });
    world.content.inject({}, { status: 503 });
    world.full.inject({}, { status: 403 });
    await expect(openBlob(world.upstream, layer)).rejects.toMatchObject({ failure: "denied" });
  });

  test("gets no credentials, whether or not it wants them", async () => {
    const users = { ann: "secret" };
    const accounts = [passwordSource("ann", "secret")];
    await using basic = await startWorld({ accounts }, { auth: { scheme: "basic", users } });
    await using bearer = await startWorld({ accounts }, { auth: { users } });
    expect((await openBlob(basic.upstream, layer)).endpoints).toEqual([basic.full.url]);
    expect((await openBlob(bearer.upstream, layer)).endpoints).toEqual([bearer.content.url]);
    const headers = [basic, bearer].flatMap(({ content }) =>
      content.journal.entries.map(({ headers: { authorization } }) => authorization),
    );
    expect(headers.some((header) => header?.startsWith("Bearer "))).toBe(true);
    expect(headers.filter((header) => header?.startsWith("Basic "))).toEqual([]);
  });
});

describe("an endpoint that lies", () => {
  test("about a manifest and is a content endpoint is left alone for ten minutes", async () => {
    const lies: string[] = [];
    await using world = await startWorld({ onLie: (endpoint) => lies.push(endpoint) });
    const { upstream, content, clock } = world;
    content.inject({ kind: "manifest" }, { body: makeManifest("x", {}).bytes, times: 1 });
    expect((await upstream.getManifest(app, byDigest))?.digest).toBe(image.manifest.digest);
    expect(lies).toEqual([content.url]);
    expect((await openBlob(upstream, layer)).endpoints).toEqual([world.full.url]);
    clock.advance(10 * 60_000 - 1);
    await world.full.stop();
    await expect(openBlob(upstream, layer)).rejects.toMatchObject({ failure: "unreachable" });
    expect(content.journal.count()).toBe(1);
    clock.advance(1);
    expect((await openBlob(upstream, layer)).endpoints).toEqual([content.url]);
  });

  test("is told in the log once, for as long as it is left alone", async () => {
    await using world = await startWorld();
    world.upstream.distrust([world.content.url]);
    world.upstream.distrust([world.content.url]);
    expect(world.lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 40, endpoint: world.content.url, bannedMs: 600_000 },
    ]);
  });

  test("together with one of full trust takes the blame alone", async () => {
    await using world = await startWorld();
    const { upstream, content, full } = world;
    upstream.distrust([full.url, content.url]);
    expect(upstream.describe().endpoints).toMatchObject([
      { url: content.url, trust: "content", state: "distrusted", lies: 1 },
      { url: full.url, trust: "full", state: "unused", lies: 0 },
    ]);
  });

  test("and is of full trust shares the blame with the others that are", async () => {
    await using opened = openUpstream(["http://127.0.0.1:1", "http://127.0.0.1:2"]);
    opened.upstream.distrust(["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"]);
    expect(opened.upstream.describe().endpoints).toMatchObject([
      { state: "distrusted", lies: 1 },
      { state: "distrusted", lies: 1 },
    ]);
  });
});

describe("in the middle of a blob", () => {
  const middle = { start: 50_000 };

  test.each([404, 403, 416, 500])(
    "an endpoint that answers %i gives way to the next",
    async (status) => {
      await using first = await FakeRegistry.start();
      await using second = await FakeRegistry.start();
      first.addBlob(app, layer);
      second.addBlob(app, layer);
      first.inject({ kind: "blob" }, { status });
      await using opened = openUpstream([first.url, second.url]);
      const remote = await openBlob(opened.upstream, layer, middle);
      expect(remote).toMatchObject({ offset: 50_000, endpoints: [second.url] });
      expect((await readAll(remote)).equals(layer.bytes.subarray(50_000))).toBe(true);
    },
  );

  test("404 is the answer where nobody has it", async () => {
    await using world = await startWorld();
    for (const each of [world.content, world.full]) each.deleteBlob(app, layer.digest);
    const range = { start: 50_000, end: undefined };
    const { signal } = new AbortController();
    expect(await world.upstream.openBlob(app, layer.digest, range, signal)).toBeUndefined();
  });

  test("404 is not the answer where one of them fails", async () => {
    await using world = await startWorld({ retries: 0 });
    world.content.inject({}, { disconnect: true });
    world.full.deleteBlob(app, layer.digest);
    await expect(openBlob(world.upstream, layer, middle)).rejects.toMatchObject({
      failure: "unreachable",
    });
  });
});
