import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import type { Config } from "../../../src/config/config.ts";
import { toTree } from "../../../src/config/to-tree.ts";
import { clientCertificate } from "../../support/tls/certificates.ts";
import { loadText } from "./load-from-text.ts";

const everything = `
defaultUpstream: docker.io
upstreams:
  docker.io:
    endpoints:
      - https://registry-1.docker.io
      - { url: https://a.example, trust: content }
      - { url: https://b.example, trust: content, proxy: direct, noProxy: [], addressFamily: auto }
      - { url: https://c.example, tls: { certFile: CERT, keyFile: KEY }, resolve: { c.example: 10.0.0.1 } }
    strategy: fastest
    prefix: hub
    hosts: [hub.mirror.lan]
    accounts:
      - { username: me, passwordFile: KEY }
      - tokenFile: KEY
      - dockerConfig: KEY
      - ecr: { region: eu-west-1, accessKeyId: AKIA, secretAccessKeyFile: KEY }
      - gcp: {}
    tokenRealms: [auth.example]
    allow: [library/*, "team/app:v*"]
    deny: [library/redis]
    denyMessage: ask us
    proxy: { registry: http://proxy:3128, content: direct }
    noProxy: [.corp.example]
    tls: { caFile: CERT }
    resolve: { registry-1.docker.io: 203.0.113.7 }
    addressFamily: ipv4
    minRate: 1MiB
    minRateFor: 10s
    retries: 0
  contoso.azurecr.io: { credentials: { acr: { clientId: a } }, proxy: socks5://p:1, minRate: off }
  "*.pkg.dev": { credentials: { gcp: { keyFile: KEY } } }
  "*": { allowAddresses: [10.0.0.0/8], deny: ["**/x"] }
`
  .replaceAll("CERT", clientCertificate.certificate)
  .replaceAll("KEY", clientCertificate.key);

/** But for where things stand, which printing changes. */
function withoutPlaces({ upstreams }: Config): unknown {
  return [...upstreams].map(([host, { allow, deny, ...upstream }]) => ({
    host,
    ...upstream,
    allow: allow.map(({ text }) => text),
    deny: deny.map(({ text }) => text),
  }));
}

describe("the upstreams of a printed configuration", () => {
  test("mean the same when they are read again", async () => {
    const env = { HTTPS_PROXY: "http://env:1", NO_PROXY: "a.example" };
    const { config } = await loadText(everything, { env });
    const printed = stringify(toTree(config));
    const again = await loadText(printed, { env });
    expect(withoutPlaces(again.config)).toEqual(withoutPlaces(config));
    expect(stringify(toTree(again.config))).toBe(printed);
  });

  test("are as short as they can be written", async () => {
    const { config } = await loadText(
      "upstreams: { docker.io: { proxy: http://p:1, endpoints: [https://a, { url: https://b, trust: content }] } }",
    );
    expect(toTree(config)).toMatchObject({
      upstreams: {
        "docker.io": {
          endpoints: ["https://a", { url: "https://b", trust: "content" }],
          proxy: "http://p:1",
          addressFamily: "auto",
        },
      },
    });
  });

  test("show neither passwords, nor those of proxies, nor what is in files", async () => {
    const { config } = await loadText(
      `
upstreams:
  docker.io:
    credentials: { username: me, password: hunter2 }
    proxy: { registry: "socks5://user:hunter2@p:1", token: "http://hunter2@p:2", content: "http://:hunter2@p:3" }
    tls: { certFile: ${clientCertificate.certificate}, keyFile: ${clientCertificate.key} }
    endpoints: [{ url: https://a, proxy: "https://user:hunter2%40@p:4" }]
  quay.io: { credentials: { username: me, passwordFile: hub } }
`,
      { files: { hub: "hunter2" }, env: { ALL_PROXY: "http://me:hunter2@p:5" } },
    );
    const printed = stringify(toTree(config));
    expect(printed).not.toContain("hunter2");
    expect(printed).not.toContain("PRIVATE");
    expect(await readFile(clientCertificate.key, "utf8")).toContain("PRIVATE");
    expect(toTree(config)["upstreams"]).toMatchObject({
      "docker.io": {
        credentials: { username: "me", password: "***" },
        proxy: {
          registry: "socks5://user:***@p:1",
          token: "http://***@p:2",
          content: "http://:***@p:3",
        },
        endpoints: [{ url: "https://a", proxy: "https://user:***@p:4" }],
      },
      "quay.io": { credentials: { passwordFile: expect.stringMatching(/\/hub$/) } },
    });
  });
});
