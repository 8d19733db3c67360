import { describe, expect, test } from "@jest/globals";
import { directEgress } from "../../../src/upstream/egress/egress.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { makeBlob } from "../../support/images.ts";
import { app, openBlob, openUpstream, passwordSource, readAll } from "./open-upstream.ts";

const blob = makeBlob(10_000);

async function startRegistry(cdn: { host?: string } = {}): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start({ auth: {}, cdn });
  registry.addBlob(app, blob);
  return registry;
}

describe("redirects", () => {
  test.each([301, 302, 303, 307, 308])("of status %i are followed", async (status) => {
    await using registry = await startRegistry();
    const location = "/v2/library/app/blobs/here";
    registry.inject({ kind: "redirect" }, { times: 1, status, headers: { location } });
    await using opened = openUpstream(registry.url);
    await opened.upstream.headBlob(app, blob.digest);
    const [, , , second] = registry.journal.entries;
    expect(second).toMatchObject({ method: "HEAD", url: location });
    expect(second?.headers.authorization).toMatch(/^Bearer /);
  });

  test("keep the range, and drop the authorization on another port", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url);
    const remote = await openBlob(opened.upstream, blob, { start: 10, end: 20 });
    expect((await readAll(remote)).equals(blob.bytes.subarray(10, 20))).toBe(true);
    const [atCdn] = registry.journal.list({ server: "cdn" });
    expect(atCdn?.headers.range).toBe("bytes=10-19");
    expect(atCdn?.headers.authorization).toBeUndefined();
    const [atRegistry] = registry.journal.list({ kind: "redirect", status: 307 });
    expect(atRegistry?.headers.authorization).toMatch(/^Bearer /);
  });

  test("are not asked for again for a further piece, until a minute later", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url);
    const piece = async (start: number) => {
      const bytes = await readAll(
        await openBlob(opened.upstream, blob, { start, end: start + 10 }),
      );
      expect(bytes.equals(blob.bytes.subarray(start, start + 10))).toBe(true);
      return registry.journal.count({ kind: "redirect", status: 307 });
    };
    (await openBlob(opened.upstream, blob)).close();
    expect([await piece(10), await piece(20)]).toEqual([1, 1]);
    expect(registry.journal.list({ server: "cdn" }).at(-1)?.headers.authorization).toBeUndefined();
    opened.clock.advance(60_001);
    expect([await piece(30), await piece(40)]).toEqual([2, 2]);
  });

  test("are asked for again for a piece where they have run out, or broke off a body", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url);
    (await openBlob(opened.upstream, blob)).close();
    registry.expireUrls();
    await readAll(await openBlob(opened.upstream, blob, { start: 10, end: 20 }));
    expect(registry.journal.count({ kind: "redirect", status: 307 })).toBe(2);
    registry.inject({ server: "cdn" }, { cutAfter: 5, times: 1 });
    const cut = await openBlob(opened.upstream, blob, { start: 20, end: 30 });
    await expect(readAll(cut)).rejects.toMatchObject({ failure: "unreachable" });
    expect(registry.journal.count({ kind: "redirect", status: 307 })).toBe(2);
    await readAll(await openBlob(opened.upstream, blob, { start: 25, end: 30 }));
    expect(registry.journal.count({ kind: "redirect", status: 307 })).toBe(3);
  });

  test("drop the authorization on another host, for good", async () => {
    await using registry = await startRegistry({ host: "localhost" });
    await using opened = openUpstream(registry.url);
    const back = `${registry.url}/back`;
    registry.inject({ server: "cdn" }, { status: 302, headers: { location: back } });
    await openBlob(opened.upstream, blob).catch(() => {});
    const elsewhere = registry.journal.list(
      ({ server, url }) => server === "cdn" || url === "/back",
    );
    expect(elsewhere.length).toBeGreaterThanOrEqual(2);
    for (const { headers } of elsewhere) expect(headers.authorization).toBeUndefined();
  });

  test.each([
    ["in circles", "/v2/library/app/blobs/again", "more than 5 redirects"],
    ["to no web address", "file:///etc/passwd", "to no web address"],
    ["to nothing", undefined, "without a location"],
    ["to what is no URL", "http://[", "without a location"],
  ])("%s are refused", async (_, location, message) => {
    await using registry = await startRegistry();
    registry.inject({ server: "registry" }, { status: 307, headers: { location } });
    await using opened = openUpstream(registry.url, { retries: 0 });
    await expect(openBlob(opened.upstream, blob)).rejects.toMatchObject({
      failure: "invalid",
      message: expect.stringContaining(message),
    });
    expect(registry.journal.count({ server: "registry" })).toBeLessThanOrEqual(7);
  });

  test("are followed anew for every request, so that no signed URL is used twice", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url);
    await readAll(await openBlob(opened.upstream, blob));
    registry.expireUrls();
    await readAll(await openBlob(opened.upstream, blob));
    expect(registry.journal.summary({ server: "cdn" })).toHaveLength(2);
    expect(registry.journal.count({ server: "cdn", status: 200 })).toBe(2);
  });

  test.each([400, 401, 403])(
    "to where %i is the answer are asked for once more",
    async (status) => {
      await using registry = await startRegistry();
      registry.inject({ server: "cdn" }, { times: 1, status });
      await using opened = openUpstream(registry.url);
      const remote = await openBlob(opened.upstream, blob);
      expect((await readAll(remote)).equals(blob.bytes)).toBe(true);
      expect(registry.journal.count({ kind: "redirect", status: 307 })).toBe(2);
    },
  );

  test("to where new URLs are refused too make an invalid answer", async () => {
    await using registry = await startRegistry();
    registry.inject({ server: "cdn" }, { status: 403 });
    await using opened = openUpstream(registry.url, { retries: 0 });
    await expect(openBlob(opened.upstream, blob)).rejects.toMatchObject({ failure: "invalid" });
    expect(registry.journal.count({ server: "cdn" })).toBe(2);
  });

  test("to a place that is away say so, and leave the registry's breaker closed", async () => {
    await using registry = await startRegistry();
    await registry.stop("cdn");
    await using opened = openUpstream(registry.url, { retries: 9 });
    await expect(openBlob(opened.upstream, blob)).rejects.toMatchObject({ failure: "unreachable" });
    expect(registry.journal.count({ kind: "redirect", status: 307 })).toBe(10);
  });
});

describe("the way to", () => {
  const nowhere = { http: "http://127.0.0.1:1", https: undefined };
  const proxies = directEgress.proxies;

  test.each([
    ["content", "redirect", { ...proxies, content: nowhere }],
    ["token", "redirect", { ...proxies, token: nowhere }],
    ["registry", undefined, { ...proxies, registry: nowhere }],
  ])("the %s is its own", async (purpose, lastAsked, ways) => {
    await using registry = await startRegistry();
    const egress = { ...directEgress, proxies: ways };
    await using opened = openUpstream({ url: registry.url, egress }, { retries: 0 });
    await expect(openBlob(opened.upstream, blob)).rejects.toMatchObject({ failure: "unreachable" });
    expect(registry.journal.entries.at(-1)?.kind).toBe(lastAsked);
    const servers = new Set(registry.journal.entries.map(({ server }) => server));
    expect(servers.has("token")).toBe(purpose === "content");
    expect(servers.has("cdn")).toBe(false);
  });
});

/** A registry that redirects for a blob to another one, which wants a token. */
async function startTwo(auth: { anonymous?: boolean; users?: Record<string, string> }) {
  await using starting = new AsyncDisposableStack();
  const front = starting.use(await FakeRegistry.start());
  const back = starting.use(await FakeRegistry.start({ auth }));
  back.addBlob(app, blob);
  const location = `${back.url}/v2/library/app/blobs/${blob.digest}`;
  front.inject({ kind: "blob" }, { status: 307, headers: { location } });
  const held = starting.move();
  return { front, back, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

describe("a registry that redirects to another one", () => {
  test("answers with a token of that one, which is asked for once", async () => {
    await using world = await startTwo({});
    await using opened = openUpstream(world.front.url);
    expect(await opened.upstream.headBlob(app, blob.digest)).toEqual({ size: 10_000 });
    const remote = await openBlob(opened.upstream, blob, { start: 10 });
    expect((await readAll(remote)).equals(blob.bytes.subarray(10))).toBe(true);
    expect(world.back.journal.count({ kind: "token" })).toBe(1);
    expect(world.front.journal.count()).toBe(2);
  });

  test("gets a new token where that one no longer takes the old one", async () => {
    await using world = await startTwo({});
    await using opened = openUpstream(world.front.url);
    (await openBlob(opened.upstream, blob)).close();
    world.back.revokeTokens();
    expect((await readAll(await openBlob(opened.upstream, blob))).equals(blob.bytes)).toBe(true);
    expect(world.back.journal.count({ kind: "token" })).toBe(2);
  });

  test("never leads our credentials there", async () => {
    const users = { ann: "secret" };
    await using world = await startTwo({ anonymous: false, users });
    const accounts = [passwordSource("ann", "secret")];
    await using opened = openUpstream(world.front.url, { accounts });
    await expect(openBlob(opened.upstream, blob)).rejects.toMatchObject({ failure: "denied" });
    const shown = world.back.journal.entries.map(({ headers }) => headers.authorization);
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.filter(Boolean)).toEqual([]);
  });
});
