import { describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import type { EgressConfig } from "../../src/config/config.ts";
import { directEgress } from "../../src/upstream/egress/egress.ts";
import {
  FilteredNetwork,
  proxyPasswords,
  proxyUser,
  registryUser,
  secretsOf,
} from "../support/filtered-network.ts";
import { makeImage } from "../support/images.ts";
import { pull } from "../support/pull.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";
import { authorityFile } from "../support/tls/certificates.ts";

const image = makeImage({ layers: [300_000, 1000] });
const ca = await readFile(authorityFile, "utf8");
const trusting = { ca, certificate: undefined, key: undefined };
const all = ["auth.filtered.test", "cdn.filtered.test", "registry.filtered.test"];
const path = "/v2/library/app/manifests/latest";

async function startNetwork(): Promise<FilteredNetwork> {
  const network = await FilteredNetwork.start();
  network.registry.addImage("library/app", "latest", image);
  return network;
}

function startMirror(
  network: FilteredNetwork,
  egress: Partial<EgressConfig>,
  options: Partial<TestMirrorOptions> = {},
): Promise<TestMirror> {
  const { username, password } = registryUser;
  return TestMirror.start({
    endpoints: [{ url: network.url, egress: { tls: trusting, ...egress } }],
    upstream: { accounts: [{ kind: "password", username, password: { text: password } }] },
    ...options,
  });
}

/** The same proxy for all of it, unless another is given. */
function proxiesOf(url: string, others: Partial<Record<"token" | "content", string>> = {}) {
  const { token = url, content = url } = others;
  return {
    registry: { http: url, https: url },
    token: { http: token, https: token },
    content: { http: content, https: content },
  };
}

describe("an upstream that lets nobody in but a proxy", () => {
  test("is not reached without one", async () => {
    await using network = await startNetwork();
    const resolve = new Map([["registry.filtered.test", "127.0.0.1"]]);
    const { port } = network.filters.registry;
    const endpoints = [
      network.url,
      { url: `${network.url}:${port}`, egress: { ...directEgress, noProxy: [], resolve } },
    ];
    await using mirror = await startMirror(network, {}, { endpoints });
    expect((await mirror.get(path)).status).toBe(503);
    expect(network.refused).toBeGreaterThan(0);
    expect(network.registry.journal.count()).toBe(0);
    const [upstream] = await mirror.run("listUpstreams", {});
    expect(upstream?.endpoints[0]?.lastError?.message).toContain("DNS: no such host");
  });

  test.each(["socks", "connect", "secure"] as const)(
    "is pulled from through a %s proxy, which resolves all names",
    async (kind) => {
      await using network = await startNetwork();
      const proxies = proxiesOf(network.proxyUrl(kind));
      await using mirror = await startMirror(network, { proxies });
      await pull(mirror, "app", "latest", image);
      expect(network.takeAsked(kind)).toEqual(all);
      expect(network.refused).toBe(0);
    },
  );

  test("is reached by one proxy, its token server by another and content by a third", async () => {
    await using network = await startNetwork();
    const others = { token: network.proxyUrl("connect"), content: network.proxyUrl("secure") };
    const proxies = proxiesOf(network.proxyUrl("socks"), others);
    await using mirror = await startMirror(network, { proxies });
    await pull(mirror, "app", "latest", image);
    expect(network.takeAsked("socks")).toEqual(["registry.filtered.test"]);
    expect(network.takeAsked("connect")).toEqual(["auth.filtered.test"]);
    expect(network.takeAsked("secure")).toEqual(["cdn.filtered.test"]);
  });

  test("is reached by a proxy, and its content directly where noProxy says so", async () => {
    await using network = await startNetwork();
    const proxies = proxiesOf(network.proxyUrl("socks"));
    const resolve = new Map([["cdn.filtered.test", "127.0.0.1"]]);
    const noProxy = ["cdn.filtered.test"];
    await using mirror = await startMirror(network, { proxies, resolve, noProxy });
    await pull(mirror, "app", "latest", image);
    expect(network.takeAsked("socks")).toEqual(["auth.filtered.test", "registry.filtered.test"]);
    expect(network.registry.journal.count({ server: "cdn", status: 200 })).toBe(3);
  });
});

describe("a proxy that does not let the mirror in", () => {
  test.each(["socks", "connect", "secure"] as const)(
    "(%s) is told of in words, with no secret, while what is here is served",
    async (kind) => {
      await using network = await startNetwork();
      await using directory = await makeTempDir();
      const storage = directory.path;
      const right = { proxies: proxiesOf(network.proxyUrl(kind)) };
      const first = await startMirror(network, right, { storage });
      await pull(first, "app", "latest", image);
      await first[Symbol.asyncDispose]();
      const wrong = "wr0ng-p@ss:w0rd";
      const proxies = proxiesOf(network.proxyUrl(kind, wrong));
      await using mirror = await startMirror(network, { proxies }, { storage });
      mirror.clock.advance(3_600_000);
      expect((await pull(mirror, "app", "latest", image)).tag).toBe("STALE");
      expect((await mirror.get("/v2/library/other/manifests/latest")).status).toBe(503);
      const upstreams = await mirror.run("listUpstreams", {});
      const message = upstreams[0]?.endpoints[0]?.lastError?.message ?? "";
      expect(message).toContain(`proxy ${network[kind].url}: `);
      expect(message).toMatch(/credentials|407/);
      const told = JSON.stringify([upstreams, mirror.log, first.log]);
      expect(told).toContain(message);
      const secrets = [
        ...secretsOf(proxyUser, wrong),
        ...secretsOf(proxyUser, proxyPasswords[kind]),
        ...secretsOf(registryUser.username, registryUser.password),
      ];
      for (const secret of secrets) expect(told).not.toContain(secret);
    },
  );

  test("is used again once it answers", async () => {
    await using network = await startNetwork();
    const proxies = proxiesOf(network.proxyUrl("socks"));
    await using mirror = await startMirror(
      network,
      { proxies },
      { tags: { revalidateTimeoutMs: 200 } },
    );
    await pull(mirror, "app", "latest", image);
    await network.socks.stop();
    mirror.clock.advance(3_600_000);
    expect((await pull(mirror, "app", "latest", image)).tag).toBe("STALE");
    await network.socks.restart();
    mirror.clock.advance(3_600_000);
    expect((await pull(mirror, "app", "latest", image)).tag).toBe("REVALIDATED");
  });
});
