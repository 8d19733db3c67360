import { describe, expect, test } from "@jest/globals";
import type { UpstreamEntry } from "../../../../src/registry/operations/operations.ts";
import { createListUpstreams } from "../../../../src/registry/operations/upstreams.ts";
import type { UpstreamStatus } from "../../../../src/upstream/upstream.ts";
import { FakeRegistry } from "../../../support/fake-registry.ts";
import { makeImage } from "../../../support/images.ts";
import { TestMirror } from "../../../support/test-mirror.ts";

const image = makeImage();

function registryCalled(host: string) {
  const status: UpstreamStatus = { host, strategy: "ordered", endpoints: [], accounts: [] };
  return { upstream: { describe: () => status } };
}

describe("listUpstreams", () => {
  test("of upstreams that nothing was asked of measures nothing", async () => {
    await using mirror = await TestMirror.start({
      endpoints: ["http://127.0.0.1:1", { url: "http://127.0.0.1:2", trust: "content" }],
    });
    expect(await mirror.run("listUpstreams", {})).toEqual([
      {
        host: "docker.io",
        isDefault: true,
        strategy: "ordered",
        endpoints: [
          {
            url: "http://127.0.0.1:1",
            trust: "full",
            state: "unused",
            requests: 0,
            failures: 0,
            lies: 0,
          },
          {
            url: "http://127.0.0.1:2",
            trust: "content",
            state: "unused",
            requests: 0,
            failures: 0,
            lies: 0,
          },
        ],
        accounts: [{ name: "anonymous" }],
      },
    ] satisfies UpstreamEntry[]);
  });

  test("tells what was measured, what failed, and the budget", async () => {
    await using registry = await FakeRegistry.start();
    registry.addImage("library/app", "latest", image);
    registry.inject(
      {},
      { headers: { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600" } },
    );
    await using mirror = await TestMirror.start({ endpoints: [registry.url] });
    await mirror.get("/v2/library/app/manifests/latest");
    registry.inject({}, { status: 500 });
    await mirror.get("/v2/library/app/tags/list");
    const [entry] = await mirror.run("listUpstreams", {});
    expect(entry?.accounts).toEqual([
      {
        name: "anonymous",
        budget: { limit: 100, remaining: 76, windowMs: 21_600_000, toldAt: expect.any(Number) },
      },
    ]);
    const [endpoint] = entry?.endpoints ?? [];
    expect(endpoint?.latencyMs).toBeGreaterThanOrEqual(0);
    expect(endpoint?.requests).toBeGreaterThan(endpoint?.failures ?? Infinity);
    expect(endpoint?.failures).toBeGreaterThan(0);
    expect(endpoint?.lastError).toMatchObject({ failure: "server-error" });
    expect(JSON.parse(JSON.stringify(entry))).toEqual(entry);
  });

  test("lists patterns, and behind them the hosts that they let in, as configured", async () => {
    const letIn = ["us.pkg.dev", "example.com"];
    const registries = ["quay.io", "docker.io", ...letIn].map(registryCalled);
    const configured = new Map(
      ["*", "docker.io", "*.pkg.dev", "*.corp.example", "quay.io"].map(
        (key) => [key, { strategy: "fastest" }] as const,
      ),
    );
    const list = createListUpstreams({
      registries: { list: () => registries },
      configured,
      defaultUpstream: "docker.io",
    });
    const { signal } = new AbortController();
    const entries = await list({}, { signal, onEvent: () => undefined });
    expect(entries.map(({ host, isDefault }) => [host, isDefault])).toEqual([
      ["example.com", false],
      ["docker.io", true],
      ["us.pkg.dev", false],
      ["*.corp.example", false],
      ["quay.io", false],
    ]);
    expect(entries[3]).toEqual({
      host: "*.corp.example",
      isDefault: false,
      strategy: "fastest",
      endpoints: [],
      accounts: [],
    });
  });
});
