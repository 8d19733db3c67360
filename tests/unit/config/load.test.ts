import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { loadConfig } from "../../../src/config/load.ts";
import { platformOfMachine } from "../../../src/oci/platform.ts";
import { loadText } from "./load-from-text.ts";
import { fullEndpoint, plainUpstream } from "./plain-upstream.ts";

describe("loadConfig", () => {
  test.each([
    "",
    "# nothing\n",
    "---\n",
    "server:\nupstreams:\n",
    "{}",
    "upstreams: { docker.io: }",
  ])("fills in all defaults for %j", async (text) => {
    const { config, warnings, directory } = await loadText(text);
    expect(warnings).toEqual([]);
    expect(config).toEqual({
      server: {
        host: "0.0.0.0",
        port: 5000,
        drainTimeoutMs: 30_000,
        headersTimeoutMs: 20_000,
        idleTimeoutMs: 300_000,
        sendfile: true,
        publicUrl: undefined,
      },
      log: { level: "info", format: "auto" },
      storage: {
        path: join(directory, "data"),
        maxBytes: 50 * 1024 ** 3,
        minFree: { percent: 5 },
        maxAgeMs: 90 * 86_400_000,
      },
      scrub: { bytesPerSecond: 20 * 1024 ** 2, everyMs: 30 * 86_400_000 },
      tags: {
        revalidateAfterMs: 60_000,
        revalidateTimeoutMs: 3000,
        serveStaleForMs: 2_592_000_000,
        negativeTtlMs: 10_000,
      },
      rules: [],
      prefetch: {
        names: [],
        platforms: [platformOfMachine(process.arch)],
        schedule: undefined,
        timeZone: undefined,
      },
      defaultUpstream: "docker.io",
      upstreams: new Map([["docker.io", plainUpstream("https://registry-1.docker.io")]]),
    });
  });

  test("reads every key", async () => {
    const { config } = await loadText(`
server: { listen: "[::1]:0", drainTimeout: 0s, headersTimeout: 1s, idleTimeout: 1d, sendfile: false, publicUrl: "https://Mirror.example.com/" }
log: { level: silent, format: json }
storage: { path: /var/lib/entrepot, maxSize: 1.5TB, minFree: 20GiB, maxAge: 1d }
scrub: { rate: 1MiB/s, every: 12h }
tags: { revalidateAfter: 0s, revalidateTimeout: 100ms, serveStaleFor: 1d, negativeTtl: 0s }
prefetch:
  images: [ "localhost:5001/a/b:1", "localhost:5001/c" ]
  platforms: [ linux/amd64, linux/arm64/v8 ]
  schedule: "0 3 * * *"
  timeZone: Europe/Berlin
defaultUpstream: localhost:5001
upstreams:
  localhost:5001:
    endpoints: [ "http://localhost:5001/", "https://other.example.com/base/" ]
    tokenRealms: [ auth.example.com ]
    connections: 2
    connectTimeout: 1s
    responseTimeout: 2s
    stallTimeout: 3s
    retries: 0
    maxRetryWait: 4s
`);
    expect(config).toEqual({
      server: {
        host: "::1",
        port: 0,
        drainTimeoutMs: 0,
        headersTimeoutMs: 1000,
        idleTimeoutMs: 86_400_000,
        sendfile: false,
        publicUrl: "https://mirror.example.com",
      },
      log: { level: "silent", format: "json" },
      storage: {
        path: "/var/lib/entrepot",
        maxBytes: 1_500_000_000_000,
        minFree: { bytes: 20 * 1024 ** 3 },
        maxAgeMs: 86_400_000,
      },
      scrub: { bytesPerSecond: 1024 ** 2, everyMs: 43_200_000 },
      tags: {
        revalidateAfterMs: 0,
        revalidateTimeoutMs: 100,
        serveStaleForMs: 86_400_000,
        negativeTtlMs: 0,
      },
      rules: [],
      prefetch: {
        names: ["localhost:5001/a/b:1", "localhost:5001/c"],
        platforms: [
          { os: "linux", architecture: "amd64" },
          { os: "linux", architecture: "arm64", variant: "v8" },
        ],
        schedule: "0 3 * * *",
        timeZone: "Europe/Berlin",
      },
      defaultUpstream: "localhost:5001",
      upstreams: new Map([
        [
          "localhost:5001",
          {
            ...plainUpstream("http://localhost:5001", "https://other.example.com/base"),
            tokenRealms: ["auth.example.com"],
            connections: 2,
            connectTimeoutMs: 1000,
            responseTimeoutMs: 2000,
            stallTimeoutMs: 3000,
            retries: 0,
            maxRetryWaitMs: 4000,
          },
        ],
      ]),
    });
  });

  test("takes off for no limit and never", async () => {
    const { config } = await loadText(
      "storage: { maxSize: off, minFree: off, maxAge: off }\nscrub: { every: off }",
    );
    expect(config.storage).toMatchObject({
      maxBytes: Infinity,
      minFree: { bytes: 0 },
      maxAgeMs: Infinity,
    });
    expect(config.scrub.everyMs).toBe(Infinity);
  });

  test.each(["all", "[all]", "[linux/amd64, all]"])("takes %s for all platforms", async (text) => {
    const { config } = await loadText(`prefetch: { platforms: ${text} }`);
    expect(config.prefetch.platforms).toBe("all");
  });

  test("mirrors the default upstream where the file names none", async () => {
    const { config } = await loadText("defaultUpstream: quay.io");
    expect([...config.upstreams]).toEqual([["quay.io", plainUpstream("https://quay.io")]]);
  });

  test("takes relative paths from the file's directory", async () => {
    const { config, directory } = await loadText("storage: { path: cache/blobs }");
    expect(config.storage.path).toBe(join(directory, "cache/blobs"));
  });

  test("expands variables, in numbers too", async () => {
    const { config } = await loadText(
      "upstreams:\n  docker.io:\n    connections: ${LIMIT}\n    endpoints: ['${URL:-http://localhost:1}']",
      { env: { LIMIT: "7" } },
    );
    expect(config.upstreams.get("docker.io")).toMatchObject({
      connections: 7,
      endpoints: [fullEndpoint("http://localhost:1")],
    });
  });

  test("does not let a variable's value bring in YAML", async () => {
    const { config } = await loadText("storage: { path: '${WHERE}' }", {
      env: { WHERE: "/a, b: c" },
    });
    expect(config.storage.path).toBe("/a, b: c");
  });

  test("warns of credentials that go over http", async () => {
    const { warnings } = await loadText(
      "upstreams: { docker.io: { endpoints: ['http://hub'], credentials: { username: a, password: b } } }",
    );
    expect(warnings).toEqual([
      "upstreams.docker.io: credentials are sent over http without encryption",
    ]);
  });
});

describe("what the project ships", () => {
  test("mirror.config.yaml is a good configuration", async () => {
    const { warnings } = await loadConfig({ file: resolve("mirror.config.yaml"), env: {} });
    expect(warnings).toEqual([]);
  });

  test("docs/configuration.md shows good configurations only", async () => {
    const documentation = await readFile(resolve("docs/configuration.md"), "utf8");
    const shown = Array.from(
      documentation.matchAll(/```yaml\n([^]*?)```/g),
      ([, text = ""]) => text,
    );
    expect(shown.join("\n")).toContain("onUpstreamDelete: keep");
    for (const text of shown) expect((await loadText(text)).warnings).toEqual([]);
  });

  test("docs/configuration.md shows the defaults as they are", async () => {
    const documentation = await readFile(resolve("docs/configuration.md"), "utf8");
    const shown = /```yaml\n([^]*?)```/.exec(documentation)?.[1] ?? "";
    const documented = await loadText(shown);
    const empty = await loadText("");
    documented.config.storage.path = empty.config.storage.path;
    expect(documented.config).toEqual(empty.config);
    expect(shown).toContain("maxRetryWait");
  });
});
