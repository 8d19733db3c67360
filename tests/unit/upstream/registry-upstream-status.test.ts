import { describe, expect, test } from "@jest/globals";
import { FakeRegistry } from "../../support/fake-registry.ts";
import { makeBlob, makeImage } from "../../support/images.ts";
import { app, latest, openBlob, openUpstream, readAll } from "./open-upstream.ts";

const image = makeImage();

async function startRegistry(): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start({ cdn: {} });
  registry.addImage(app, "latest", image);
  return registry;
}

describe("what is told of an upstream", () => {
  test("before it was asked anything is how it is set up", async () => {
    await using opened = openUpstream(["http://127.0.0.1:1/hub/"], { strategy: "fastest" });
    expect(opened.upstream.describe()).toEqual({
      host: "registry.example",
      strategy: "fastest",
      endpoints: [
        {
          url: "http://127.0.0.1:1/hub",
          trust: "full",
          state: "unused",
          latencyMs: undefined,
          bytesPerSecond: undefined,
          requests: 0,
          failures: 0,
          lies: 0,
          lastError: undefined,
        },
      ],
      accounts: [{ name: "anonymous", budget: undefined, restsUntil: undefined }],
    });
  });

  test("are latency, throughput and requests", async () => {
    await using registry = await startRegistry();
    const blob = makeBlob(300_000);
    registry.addBlob(app, blob);
    await using opened = openUpstream(registry.url);
    await readAll(await openBlob(opened.upstream, blob));
    await opened.upstream.headManifest(app, latest);
    expect(opened.upstream.describe().endpoints).toMatchObject([
      { state: "ok", latencyMs: 0, bytesPerSecond: 1000 * 1024 ** 2, requests: 2, failures: 0 },
    ]);
  });

  test("are failures, the last with its time and without what signs a URL", async () => {
    await using registry = await startRegistry();
    registry.inject({ server: "cdn" }, { status: 403 });
    await using opened = openUpstream(registry.url, { retries: 0 });
    await openBlob(opened.upstream, image.config).catch(() => undefined);
    const [endpoint] = opened.upstream.describe().endpoints;
    expect(endpoint).toMatchObject({
      state: "distrusted",
      failures: 1,
      lastError: { at: opened.clock.now(), failure: "invalid" },
    });
    expect(endpoint?.lastError?.message).toContain(registry.cdnUrl);
    expect(endpoint?.lastError?.message).not.toContain("signature");
  });

  test("is that an endpoint fails, rests, is probed, and is well again", async () => {
    await using registry = await startRegistry();
    registry.inject({ kind: "manifest" }, { disconnect: true, times: 5 });
    await using opened = openUpstream(registry.url, { retries: 0 });
    const state = () => opened.upstream.describe().endpoints[0]?.state;
    const states: unknown[] = [];
    for (let count = 0; count < 5; count += 1) {
      await opened.upstream.headManifest(app, latest).catch(() => undefined);
      states.push(state());
    }
    expect(states).toEqual(["failing", "failing", "failing", "failing", "resting"]);
    opened.clock.advance(5000);
    const hold = registry.inject({ kind: "manifest" }, { hold: true, times: 1 });
    const probe = opened.upstream.headManifest(app, latest);
    await hold.reached;
    expect(state()).toBe("probing");
    hold.release();
    await probe;
    expect(state()).toBe("ok");
  });
});
