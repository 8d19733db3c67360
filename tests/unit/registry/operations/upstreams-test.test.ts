import { describe, expect, test } from "@jest/globals";
import type { EgressConfig } from "../../../../src/config/config.ts";
import { formatReference } from "../../../../src/oci/reference.ts";
import type { ProbeStep } from "../../../../src/registry/operations/operations.ts";
import {
  createTestUpstream,
  type ProbeUpstream,
} from "../../../../src/registry/operations/test-upstream.ts";
import { FakeRegistry } from "../../../support/fake-registry.ts";
import { makeImage } from "../../../support/images.ts";
import { TestMirror } from "../../../support/test-mirror.ts";
import { call, StockedCache } from "./stocked-cache.ts";

const image = makeImage();
const configured = ["docker.io", "quay.io", "corp.example:5000", "*.pkg.dev"];

/** Finds what it is told to, and remembers what it was asked: `docker.io library/node:24 asked`. */
class FakeProbe {
  readonly calls: string[] = [];
  endpoints: Awaited<ReturnType<ProbeUpstream>> = [{ trust: "full", steps: [] }];

  readonly probe: ProbeUpstream = async ({ host, target, onStep }) => {
    const what = target && `${target.repository}:${formatReference(target.reference)}`;
    this.calls.push(`${host} ${what} ${target?.isAsked === true ? "asked" : "guessed"}`);
    for (const step of this.endpoints.flatMap(({ steps }) => steps)) onStep(step);
    return this.endpoints;
  };
}

function stepWith(outcome: ProbeStep["outcome"]): ProbeStep {
  return {
    upstream: "docker.io",
    endpoint: "https://a.example",
    step: "dns",
    outcome,
    message: "so it is",
  };
}

async function run(cache: StockedCache, fake: FakeProbe, name?: string) {
  const { inventory } = cache.metadata;
  const operation = createTestUpstream({ configured, inventory, probe: fake.probe });
  return call<"testUpstream">(operation, name === undefined ? {} : { name });
}

describe("testUpstream", () => {
  test("tries all that are configured by name, with what everybody knows", async () => {
    await using cache = await StockedCache.open();
    const fake = new FakeProbe();
    const { result } = await run(cache, fake);
    expect(fake.calls).toEqual([
      "docker.io library/hello-world:latest guessed",
      "quay.io podman/hello:latest guessed",
      "corp.example:5000 undefined guessed",
    ]);
    expect(result.upstreams.map(({ host, ok }) => [host, ok])).toEqual([
      ["docker.io", true],
      ["quay.io", true],
      ["corp.example:5000", true],
    ]);
  });

  test("prefers what the cache has, and of that what was asked about last", async () => {
    await using cache = await StockedCache.open();
    await cache.addManifest("docker.io/library/redis:7", image.manifest);
    cache.clock.advance(1000);
    await cache.addManifest("docker.io/library/node:24", image.manifest);
    await cache.addManifest("corp.example:5000/team/app:1", image.manifest);
    const fake = new FakeProbe();
    await run(cache, fake);
    expect(fake.calls).toEqual([
      "docker.io library/node:24 guessed",
      "quay.io podman/hello:latest guessed",
      "corp.example:5000 team/app:1 guessed",
    ]);
  });

  test("takes a host, by any of its names, and a name to pull", async () => {
    await using cache = await StockedCache.open();
    const fake = new FakeProbe();
    const names = [
      "registry-1.docker.io",
      "Quay.io",
      "corp.example:5000",
      "us.pkg.dev",
      "node:24",
      "quay.io/team/app",
      "us.pkg.dev/project/app:1",
    ];
    for (const name of names) await run(cache, fake, name);
    expect(fake.calls).toEqual([
      "docker.io library/hello-world:latest guessed",
      "quay.io podman/hello:latest guessed",
      "corp.example:5000 undefined guessed",
      "us.pkg.dev undefined guessed",
      "docker.io library/node:24 asked",
      "quay.io team/app:latest asked",
      "us.pkg.dev project/app:1 asked",
    ]);
  });

  test.each([
    ["ghcr.io", "NAME_UNKNOWN", "ghcr.io is not mirrored here"],
    ["ghcr.io/owner/app", "NAME_UNKNOWN", "ghcr.io is not mirrored here"],
    ["*.pkg.dev", "NAME_INVALID", "is a pattern"],
    ["Node", "NAME_INVALID", "lower-case"],
  ])("refuses %s", async (name, code, words) => {
    await using cache = await StockedCache.open();
    const fake = new FakeProbe();
    const message = expect.stringContaining(words);
    await expect(run(cache, fake, name)).rejects.toMatchObject({ code, message });
    expect(fake.calls).toEqual([]);
  });

  test("is well if an endpoint with full trust failed at nothing", async () => {
    await using cache = await StockedCache.open();
    const fake = new FakeProbe();
    const [good, bad] = [[stepWith("ok"), stepWith("skipped")], [stepWith("failed")]];
    const cases = [
      {
        endpoints: [
          { trust: "full", steps: bad },
          { trust: "full", steps: good },
        ],
        ok: true,
      },
      {
        endpoints: [
          { trust: "full", steps: bad },
          { trust: "content", steps: good },
        ],
        ok: false,
      },
      {
        endpoints: [
          { trust: "full", steps: good },
          { trust: "content", steps: bad },
        ],
        ok: true,
      },
    ] as const;
    for (const { endpoints, ok } of cases) {
      fake.endpoints = endpoints.map(({ trust, steps }) => ({ trust, steps }));
      const { result, events } = await run(cache, fake, "docker.io");
      const steps = endpoints.flatMap((endpoint) => endpoint.steps);
      expect(result).toEqual({ upstreams: [{ host: "docker.io", ok, steps }] });
      expect(events).toEqual(steps);
    }
  });
});

describe("testUpstream of a mirror", () => {
  test("takes all steps to all endpoints, and counts nowhere", async () => {
    await using registry = await FakeRegistry.start({ cdn: {} });
    await using cheap = await FakeRegistry.start();
    for (const each of [registry, cheap]) each.addImage("library/app", "latest", image);
    await using mirror = await TestMirror.start({
      endpoints: [registry.url, { url: cheap.url, trust: "content" }],
    });
    const args = { name: "app" };
    const steps = await mirror.list("testUpstream", args);
    expect(steps.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    expect(steps.map(({ endpoint, step }) => `${endpoint} ${step}`)).toEqual(
      [registry.url, cheap.url].flatMap((url) =>
        ["dns", "tcp", "proxy", "tls", "api", "token", "manifest", "blob"].map(
          (step) => `${url} ${step}`,
        ),
      ),
    );
    expect(steps.every(({ upstream }) => upstream === "docker.io")).toBe(true);
    const [entry] = await mirror.run("listUpstreams", {});
    expect(entry?.endpoints.map(({ state }) => state)).toEqual(["unused", "unused"]);
  });

  test("fails without any way out, and leaves the breaker alone", async () => {
    await using registry = await FakeRegistry.start();
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    await registry.stop();
    for (let count = 0; count < 10; count += 1) await mirror.run("testUpstream", { name: "app" });
    const { upstreams } = await mirror.run("testUpstream", { name: "app" });
    expect(upstreams.map(({ ok }) => ok)).toEqual([false]);
    const [entry] = await mirror.run("listUpstreams", {});
    expect(entry?.endpoints[0]).toMatchObject({ state: "unused", requests: 0, failures: 0 });
  });

  test("keeps what a pattern lets in away from addresses that are not public", async () => {
    await using registry = await FakeRegistry.start();
    const { port } = new URL(registry.url);
    const direct = { http: undefined, https: undefined };
    const egress: EgressConfig = {
      proxies: { registry: direct, token: direct, content: direct },
      noProxy: [],
      tls: { ca: undefined, certificate: undefined, key: undefined },
      resolve: new Map([["app.corp.example", "127.0.0.1"]]),
      family: undefined,
      written: {
        proxies: { registry: undefined, token: undefined, content: undefined },
        noProxy: undefined,
        caFile: undefined,
        certFile: undefined,
        keyFile: undefined,
      },
    };
    await using mirror = await TestMirror.start({
      endpoints: [registry.url],
      registries: { [`*.corp.example:${port}`]: { endpoints: [], egress } },
    });
    const steps = await mirror.list("testUpstream", { name: `app.corp.example:${port}` });
    const failed = steps.filter(({ outcome }) => outcome === "failed");
    expect(failed.map(({ step, message }) => [step, message])).toEqual([
      ["tcp", expect.stringContaining("not a public address")],
    ]);
    expect(registry.journal.entries).toEqual([]);
  });
});
