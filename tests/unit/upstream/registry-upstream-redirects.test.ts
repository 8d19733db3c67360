import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { makeBlob } from "../../support/images.ts";
import { app, openBlob, openUpstream, readAll } from "./open-upstream.ts";

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
