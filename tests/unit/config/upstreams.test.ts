import { describe, expect, test } from "@jest/globals";
import type { Config, UpstreamConfig } from "../../../src/config/config.ts";
import { findProblems, loadText } from "./load-from-text.ts";
import { fullEndpoint, plainEgress, plainUpstream } from "./plain-upstream.ts";

function upstreamOf({ upstreams }: Config, host: string): UpstreamConfig {
  const upstream = upstreams.get(host);
  if (!upstream) throw new Error(`there is no ${host}`);
  return upstream;
}

describe("an upstream", () => {
  test.each([
    ["docker.io", "https://registry-1.docker.io"],
    ["ghcr.io", "https://ghcr.io"],
    ["quay.io", "https://quay.io"],
    ["gcr.io", "https://gcr.io"],
    ["registry.k8s.io", "https://registry.k8s.io"],
    ["mcr.microsoft.com", "https://mcr.microsoft.com"],
    ["public.ecr.aws", "https://public.ecr.aws"],
    ["registry.gitlab.com", "https://registry.gitlab.com"],
    ["localhost:5001", "https://localhost:5001"],
  ])("needs no more than its name: %s", async (host, url) => {
    const { config, warnings } = await loadText(`defaultUpstream: ${host}\nupstreams:\n  ${host}:`);
    expect(warnings).toEqual([]);
    expect(config.upstreams.get(host)).toEqual(plainUpstream(url));
  });

  test("is one of many, in the order of the file", async () => {
    const { config } = await loadText(
      'defaultUpstream: quay.io\nupstreams: { ghcr.io: { credentials: { tokenFile: a } }, quay.io: {}, "*.pkg.dev": , "*": {} }',
      { files: { a: "secret" } },
    );
    expect([...config.upstreams.keys()]).toEqual(["ghcr.io", "quay.io", "*.pkg.dev", "*"]);
    expect(config.defaultUpstream).toBe("quay.io");
  });

  test("has all of its keys read", async () => {
    const { config, warnings, directory } = await loadText(`
upstreams:
  docker.io:
    endpoints:
      - https://Registry-1.docker.io/
      - { url: "http://mirror.example/base/", trust: content }
      - url: https://other.example
    strategy: fastest
    prefix: my_hub-2
    hosts: [hub.mirror.lan, "hub.mirror.lan:5000"]
    tokenRealms: [auth.example]
    allow: [library/*, "team/app:v*"]
    deny:
      - library/secret
    denyMessage: ask the platform team
    connections: 2
    connectTimeout: 1s
    responseTimeout: 2s
    stallTimeout: 3s
    minRate: 1MiB/s
    minRateFor: 10s
    retries: 0
    maxRetryWait: 4s
`);
    expect(warnings).toEqual([]);
    const file = `${directory}/mirror.yaml`;
    expect(config.upstreams.get("docker.io")).toEqual({
      ...plainUpstream(),
      endpoints: [
        fullEndpoint("https://registry-1.docker.io"),
        { url: "http://mirror.example/base", trust: "content", egress: plainEgress },
        fullEndpoint("https://other.example"),
      ],
      strategy: "fastest",
      prefix: "my_hub-2",
      hosts: ["hub.mirror.lan", "hub.mirror.lan:5000"],
      tokenRealms: ["auth.example"],
      allow: [
        { text: "library/*", place: `${file}:12` },
        { text: "team/app:v*", place: `${file}:12` },
      ],
      deny: [{ text: "library/secret", place: `${file}:14` }],
      denyMessage: "ask the platform team",
      connections: 2,
      connectTimeoutMs: 1000,
      responseTimeoutMs: 2000,
      stallTimeoutMs: 3000,
      minBytesPerSecond: 1_048_576,
      minRateForMs: 10_000,
      retries: 0,
      maxRetryWaitMs: 4000,
    });
  });

  test("has no minimum rate where that is off", async () => {
    const { config } = await loadText("upstreams: { docker.io: { minRate: off } }");
    expect(upstreamOf(config, "docker.io").minBytesPerSecond).toBe(0);
  });

  test("that is a pattern has no endpoints, and addresses that it may reach", async () => {
    const { config } = await loadText(
      'upstreams: { docker.io: , "*": { allowAddresses: [10.0.0.0/8, 192.168.1.2, "fd00::/8"] } }',
    );
    expect(upstreamOf(config, "*")).toEqual({
      ...plainUpstream(),
      allowAddresses: ["10.0.0.0/8", "192.168.1.2/32", "fd00::/8"],
    });
  });

  test("can be let in by a pattern for what is prefetched, and for rules", async () => {
    const text =
      'upstreams: { docker.io: , "*.pkg.dev": }\nprefetch: { images: [eu.pkg.dev/a/b/c] }\nrules:\n  - { match: "eu.pkg.dev/**", pin: true }\n  - { match: "*.dev/**", pin: true }';
    expect((await loadText(text)).warnings).toEqual([]);
    expect(await findProblems(text.replace("eu.pkg.dev/a", "pkg.dev/a"))).toEqual([
      'mirror.yaml:2:22: prefetch.images[0]: "pkg.dev/a/b/c" is at pkg.dev, which is not mirrored; configured: docker.io, *.pkg.dev',
    ]);
    const { warnings } = await loadText(`${text}\n  - { match: "quay.io/**", pin: true }`);
    expect(warnings).toEqual([
      expect.stringContaining('"quay.io/**" matches nothing that is mirrored from docker.io'),
    ]);
  });

  test("gives no warning of http where only content comes that way", async () => {
    const { warnings } = await loadText(
      "upstreams: { docker.io: { endpoints: [https://a, { url: http://b, trust: content }], credentials: { username: a, password: b } } }",
    );
    expect(warnings).toEqual([]);
  });
});

describe("variables of the environment", () => {
  test("set what an upstream has", async () => {
    const { config, warnings } = await loadText("upstreams: { docker.io: , '*.pkg.dev': }", {
      env: {
        ENTREPOT_UPSTREAMS_DOCKER_IO_PREFIX: "hub",
        ENTREPOT_UPSTREAMS_DOCKER_IO_HOSTS: "a.lan, b.lan:5000",
        ENTREPOT_UPSTREAMS_DOCKER_IO_ALLOW: "library/*",
        ENTREPOT_UPSTREAMS_DOCKER_IO_ADDRESS_FAMILY: "ipv6",
        ENTREPOT_UPSTREAMS_DOCKER_IO_NO_PROXY: ".lan,10.0.0.0/8",
        ENTREPOT_UPSTREAMS_DOCKER_IO_CREDENTIALS_ECR_REGION: "eu-west-1",
        ENTREPOT_UPSTREAMS___PKG_DEV_CONNECTIONS: "4",
      },
    });
    expect(warnings).toEqual([]);
    expect(upstreamOf(config, "docker.io")).toMatchObject({
      prefix: "hub",
      hosts: ["a.lan", "b.lan:5000"],
      allow: [{ text: "library/*", place: "ENTREPOT_UPSTREAMS_DOCKER_IO_ALLOW" }],
      accounts: [{ kind: "ecr", region: "eu-west-1" }],
      egress: { family: 6, noProxy: [".lan", "10.0.0.0/8"] },
    });
    expect(upstreamOf(config, "*.pkg.dev").connections).toBe(4);
  });

  test("replace lists and proxies of the file", async () => {
    const env = {
      ENTREPOT_UPSTREAMS_DOCKER_IO_DENY: "a/b",
      ENTREPOT_UPSTREAMS_DOCKER_IO_PROXY: "direct",
    };
    const { config } = await loadText(
      "upstreams: { docker.io: { deny: [x/y, x/z], proxy: { token: http://p:1 } } }",
      { env },
    );
    const { deny, egress } = upstreamOf(config, "docker.io");
    expect(deny).toEqual([{ text: "a/b", place: "ENTREPOT_UPSTREAMS_DOCKER_IO_DENY" }]);
    expect(egress.proxies).toEqual(plainEgress.proxies);
  });

  test("change one purpose of a proxy that is written for all", async () => {
    const { config } = await loadText("upstreams: { docker.io: { proxy: http://p:1 } }", {
      env: { ENTREPOT_UPSTREAMS_DOCKER_IO_PROXY_CONTENT: "direct" },
    });
    expect(upstreamOf(config, "docker.io").egress.written.proxies).toEqual({
      registry: "http://p:1",
      token: "http://p:1",
      content: "direct",
    });
  });

  test("are refused where they could mean two upstreams", async () => {
    const name = "ENTREPOT_UPSTREAMS_A_B_IO_CREDENTIALS_PASSWORD";
    const text = "upstreams: { docker.io: , a-b.io: , a.b.io: }";
    expect(await findProblems(text, { env: { [name]: "hunter2" } })).toEqual([
      `environment: ${name}: could mean upstreams.a-b.io.credentials.password and upstreams.a.b.io.credentials.password; write it in the file`,
    ]);
    expect(await findProblems(text)).toEqual([]);
  });

  test("do not set what only the file can say", async () => {
    const { warnings } = await loadText("", {
      env: {
        ENTREPOT_UPSTREAMS_DOCKER_IO_RESOLVE: "a=b",
        ENTREPOT_UPSTREAMS_DOCKER_IO_ACCOUNTS: "a",
      },
    });
    expect(warnings).toEqual([
      expect.stringContaining("ENTREPOT_UPSTREAMS_DOCKER_IO_RESOLVE: sets nothing"),
      expect.stringContaining("ENTREPOT_UPSTREAMS_DOCKER_IO_ACCOUNTS: sets nothing"),
    ]);
  });
});
