import { describe, expect, test } from "@jest/globals";
import { ociIndex } from "../../../src/oci/media-type.ts";
import type { Referrer } from "../../../src/oci/referrer.ts";
import { FakeRegistry } from "../../support/fake-registry.ts";
import type { Fault } from "../../support/fake-registry-faults.ts";
import type { JournalEntry } from "../../support/fake-registry-journal.ts";
import { makeBlob } from "../../support/images.ts";
import { app, openUpstream } from "./open-upstream.ts";

const subject = makeBlob(1).digest;
const path = `/v2/library/app/referrers/${subject}`;

function referrer(seed: string): Referrer {
  return {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: makeBlob(10, seed).digest,
    size: 10,
    artifactType: "application/example",
  };
}

function indexOf(manifests: Referrer[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests });
}

/** One page, which has a link to the next where its query is given. */
function page(manifests: Referrer[], next?: string): Fault {
  const link = next === undefined ? {} : { link: `<${path}?${next}>; rel="next"` };
  return { status: 200, body: indexOf(manifests), headers: { "content-type": ociIndex, ...link } };
}

function at(query: string) {
  return ({ url }: JournalEntry) => url === `${path}${query}`;
}

describe("listReferrers", () => {
  test("brings those of all pages", async () => {
    await using registry = await FakeRegistry.start();
    const [a, b, c] = [referrer("a"), referrer("b"), referrer("c")];
    registry.inject(at(""), page([a], "last=a"));
    registry.inject(at("?last=a"), page([b], "last=b"));
    registry.inject(at("?last=b"), page([c]));
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.listReferrers(app, subject)).toEqual([a, b, c]);
    for (const { headers } of registry.journal.entries) expect(headers.accept).toBe(ociIndex);
  });

  test("may bring none", async () => {
    await using registry = await FakeRegistry.start();
    registry.inject(at(""), page([]));
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.listReferrers(app, subject)).toEqual([]);
  });

  test.each<[string, Fault]>([
    ["400", { status: 400 }],
    ["404", { status: 404 }],
    ["405", { status: 405 }],
    ["501", { status: 501 }],
    ["200 with a web page", { status: 200, body: "<html>" }],
    ["200 with something else", { status: 200, body: '{"tags":[]}' }],
  ])("is undefined where the registry answers %s", async (_, fault) => {
    await using registry = await FakeRegistry.start();
    registry.inject({}, fault);
    await using opened = openUpstream(registry.url);
    for (let count = 0; count < 6; count += 1) {
      expect(await opened.upstream.listReferrers(app, subject)).toBeUndefined();
    }
    expect(opened.lines).toEqual([]);
    expect(registry.journal.count()).toBe(6);
  });

  test.each([
    [403, "denied"],
    [429, "rate-limited"],
    [503, "server-error"],
  ])("fails where the registry answers %i, be it in the middle", async (status, failure) => {
    await using registry = await FakeRegistry.start();
    registry.inject({}, { status });
    registry.inject(at(""), { ...page([referrer("a")], "last=a"), times: 1 });
    await using opened = openUpstream(registry.url, { retries: 0 });
    for (let count = 0; count < 2; count += 1) {
      await expect(opened.upstream.listReferrers(app, subject)).rejects.toMatchObject({ failure });
    }
  });

  test.each<[string, Fault, string]>([
    ["no JSON", { ...page([]), body: "<html>" }, ""],
    ["no list", { ...page([]), body: '{"schemaVersion":2,"manifests":7}' }, ""],
    ["a page that is not there", { status: 404 }, "?last=a"],
  ])("fails where an index of referrers is %s", async (_, fault, query) => {
    await using registry = await FakeRegistry.start();
    registry.inject(at(""), page([referrer("a")], "last=a"));
    registry.inject(at(query), fault);
    await using opened = openUpstream(registry.url, { retries: 0 });
    await expect(opened.upstream.listReferrers(app, subject)).rejects.toMatchObject({
      failure: "invalid",
    });
  });

  test("ends after twenty pages, however often there is a next one", async () => {
    await using registry = await FakeRegistry.start();
    registry.inject({}, page([referrer("a")], "again=1"));
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.listReferrers(app, subject)).toHaveLength(20);
    expect(registry.journal.count()).toBe(20);
  });

  test("ends at 10,000 of them", async () => {
    await using registry = await FakeRegistry.start();
    const many = Array.from({ length: 4000 }, () => referrer("a"));
    registry.inject({}, page(many, "again=1"));
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.listReferrers(app, subject)).toHaveLength(10_000);
    expect(registry.journal.count()).toBe(3);
  });

  test("refuses more than 8 MiB", async () => {
    await using registry = await FakeRegistry.start();
    registry.inject({}, { status: 200, body: " ".repeat(8 * 1024 * 1024 + 1) });
    await using opened = openUpstream(registry.url, { retries: 0 });
    await expect(opened.upstream.listReferrers(app, subject)).rejects.toMatchObject({
      failure: "invalid",
    });
  });
});
