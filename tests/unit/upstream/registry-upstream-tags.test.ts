import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../../support/fake-registry.ts";
import type { Fault } from "../../support/fake-registry-faults.ts";
import { makeImage } from "../../support/images.ts";
import { app, openUpstream } from "./open-upstream.ts";

async function startRegistry(fault?: Fault): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start();
  registry.addImage(app, "latest", makeImage());
  if (fault) registry.inject({ kind: "tags" }, fault);
  return registry;
}

describe("listTags", () => {
  test("passes the query on as it is", async () => {
    await using registry = await startRegistry();
    await using opened = openUpstream(registry.url);
    await opened.upstream.listTags(app, new URLSearchParams("n=5&last=a%2Fb&orderby=time"));
    await opened.upstream.listTags(app, new URLSearchParams());
    expect(registry.journal.entries.map(({ url }) => url)).toEqual([
      "/v2/library/app/tags/list?n=5&last=a%2Fb&orderby=time",
      "/v2/library/app/tags/list",
    ]);
  });

  test("keeps all parameters of an absolute link to the next page", async () => {
    const link = '<http://internal:5000/v2/x/tags/list?last=b&n=2&orderby=time>; rel="next"';
    await using registry = await startRegistry({ headers: { link } });
    await using opened = openUpstream(registry.url);
    expect(await opened.upstream.listTags(app, new URLSearchParams())).toEqual({
      tags: ["latest"],
      next: "last=b&n=2&orderby=time",
    });
  });

  test("takes null for no tags", async () => {
    await using registry = await startRegistry({ body: '{"name":"library/app","tags":null}' });
    await using opened = openUpstream(registry.url);
    const page = await opened.upstream.listTags(app, new URLSearchParams());
    expect(page).toEqual({ tags: [], next: undefined });
  });

  test.each([
    ["what is not JSON", "<html>"],
    ["what is no object", "null"],
    ["what has no tags", "{}"],
    ["tags that are no list", '{"tags":"latest"}'],
    ["tags that are no strings", '{"tags":[1]}'],
    ["more than a list of tags has", Buffer.alloc(16 * 1024 * 1024 + 1, " ")],
  ])("refuses %s", async (_, body) => {
    await using registry = await startRegistry({ body });
    await using opened = openUpstream(registry.url);
    await expect(opened.upstream.listTags(app, new URLSearchParams())).rejects.toMatchObject({
      failure: "invalid",
    });
  });
});
