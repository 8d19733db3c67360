import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { makeImage } from "../../support/images.ts";
import { app, latest, openBlob, openUpstream, readAll } from "./open-upstream.ts";

const image = makeImage();

describe("the log", () => {
  test("has one line for an outage, with its cause, and one when it is over", async () => {
    await using registry = await FakeRegistry.start();
    registry.addImage(app, "latest", image);
    await using opened = openUpstream(registry.url);
    await registry.stop();
    for (let count = 0; count < 4; count += 1) {
      await opened.upstream.headManifest(app, latest).catch(() => {});
    }
    await registry.restart();
    opened.clock.advance(60_000);
    await opened.upstream.headManifest(app, latest);
    await opened.upstream.headManifest(app, latest);

    const [trouble, recovery, ...others] = opened.lines.map((line) => JSON.parse(line));
    expect(others).toEqual([]);
    expect(trouble).toMatchObject({
      level: 40,
      upstream: "registry.example",
      endpoint: registry.url,
      failure: "unreachable",
      err: { message: expect.stringContaining("ECONNREFUSED") },
    });
    expect(recovery).toMatchObject({
      level: 30,
      upstream: "registry.example",
      endpoint: registry.url,
      failure: "unreachable",
      // Five attempts until the breaker opened, and three requests that were not sent.
      failedRequests: 8,
    });
    expect(recovery.lastedMs).toBeGreaterThanOrEqual(60_000);
  });

  test("has one line for bodies that break off, however many", async () => {
    await using registry = await FakeRegistry.start({ cdn: {} });
    registry.addImage(app, "latest", image);
    registry.inject({ kind: "blob" }, { cutAfter: 10 });
    await using opened = openUpstream(registry.url);
    for (let count = 0; count < 3; count += 1) {
      await openBlob(opened.upstream, image.config)
        .then(readAll)
        .catch(() => {});
    }
    expect(opened.lines).toHaveLength(1);
    expect(opened.lines[0]).toContain('"failure":"unreachable"');
  });

  test("has nothing where all is well, or only absent, or denied", async () => {
    await using registry = await FakeRegistry.start({ auth: {}, cdn: {} });
    registry.addImage(app, "latest", image);
    await using opened = openUpstream(registry.url);
    await opened.upstream.getManifest(app, latest);
    await readAll(await openBlob(opened.upstream, image.config));
    await opened.upstream.headBlob(app, image.manifest.digest);
    registry.inject({ server: "registry" }, { status: 403 });
    await opened.upstream.getManifest(app, latest).catch(() => {});
    expect(opened.lines).toEqual([]);
  });
});
