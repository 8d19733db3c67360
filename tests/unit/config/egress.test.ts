import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import type { EgressConfig } from "../../../src/config/config.ts";
import { clientCertificate, registryCertificate } from "../../support/tls/certificates.ts";
import { findProblems, loadText } from "./load-from-text.ts";
import { plainEgress } from "./plain-upstream.ts";

const both = (url: string | undefined) => ({ http: url, https: url });
const loopback = ["localhost", "127.0.0.0/8", "::1"];
const at = "upstreams.docker.io";

/** Of docker.io and of its endpoints. */
async function loadEgress(
  settings: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ egress: EgressConfig; endpoints: EgressConfig[] }> {
  const { config } = await loadText(`upstreams: { docker.io: { ${settings} } }`, { env });
  const { egress = plainEgress, endpoints = [] } = config.upstreams.get("docker.io") ?? {};
  return { egress, endpoints: endpoints.map((endpoint) => endpoint.egress) };
}

async function readFiles(): Promise<Record<string, string>> {
  const [ca = "", cert = "", key = "", other = ""] = await Promise.all(
    [
      registryCertificate.certificate,
      clientCertificate.certificate,
      clientCertificate.key,
      registryCertificate.key,
    ].map((file) => readFile(file, "utf8")),
  );
  return { ca, cert, key, other, text: "no PEM" };
}

describe("proxy", () => {
  test.each([
    ["http://proxy:3128", "http://proxy:3128"],
    ["https://me:a%40b@proxy/", "https://me:a%40b@proxy"],
    ["socks5://127.0.0.1:1080", "socks5://127.0.0.1:1080"],
    ["socks5h://me@[::1]", "socks5://me@[::1]:1080"],
    ["direct", undefined],
  ])("is for everything as %s", async (written, url) => {
    const { egress, endpoints } = await loadEgress(`proxy: "${written}"`);
    const expected = { registry: both(url), token: both(url), content: both(url) };
    expect(egress.proxies).toEqual(expected);
    expect(endpoints.map(({ proxies }) => proxies)).toEqual([expected]);
  });

  test("can differ by purpose, and at an endpoint, which else has the upstream's", async () => {
    const { endpoints } = await loadEgress(
      "proxy: { registry: http://r:1, token: direct }, endpoints: [https://a, { url: https://b, proxy: { token: http://t:1 } }]",
      { https_proxy: "http://env:1" },
    );
    const environment = { http: undefined, https: "http://env:1" };
    expect(endpoints.map(({ proxies }) => proxies)).toEqual([
      { registry: both("http://r:1"), token: both(undefined), content: environment },
      { registry: both("http://r:1"), token: both("http://t:1"), content: environment },
    ]);
  });

  test.each([
    "proxy:3128",
    "ftp://proxy",
    "http://",
    "http://proxy/path",
    "http://proxy?q",
    "socks4://proxy:1",
    "http://a:%zz@proxy",
    `socks5://${"a".repeat(256)}@proxy`,
  ])("is refused as %s, without showing it", async (written) => {
    expect(await findProblems(`upstreams:\n  docker.io:\n    proxy: "${written}"`)).toEqual([
      `mirror.yaml:3:12: ${at}.proxy: the value is not a proxy; write direct, or a URL with http, https or socks5, host and port, such as socks5://127.0.0.1:1080`,
    ]);
  });

  test("is refused for a purpose that does not exist", async () => {
    const text = "upstreams:\n  docker.io:\n    proxy:\n      blobs: direct\n      tokn: direct";
    expect(await findProblems(text)).toEqual([
      `mirror.yaml:4:7: ${at}.proxy.blobs: unknown key; known here: registry, token, content`,
      `mirror.yaml:5:7: ${at}.proxy.tokn: unknown key; did you mean token?`,
    ]);
  });
});

describe("the environment's proxies", () => {
  test.each<[NodeJS.ProcessEnv, EgressConfig["proxies"]["registry"]]>([
    [{ HTTP_PROXY: "http://a:1" }, { http: "http://a:1", https: undefined }],
    [{ HTTPS_PROXY: "proxy:3128" }, { http: undefined, https: "http://proxy:3128" }],
    [{ ALL_PROXY: "socks5h://a:1" }, both("socks5://a:1")],
    [
      { ALL_PROXY: "http://a:1", https_proxy: "http://b:1" },
      { http: "http://a:1", https: "http://b:1" },
    ],
    [
      { HTTPS_PROXY: "http://a:1", https_proxy: "http://b:1" },
      { http: undefined, https: "http://b:1" },
    ],
    [
      { HTTPS_PROXY: "http://a:1", https_proxy: "" },
      { http: undefined, https: "http://a:1" },
    ],
  ])("hold for what nothing is written about: %j", async (env, choice) => {
    const { egress } = await loadEgress("", env);
    expect(egress.proxies).toEqual({ registry: choice, token: choice, content: choice });
    expect(egress.noProxy).toEqual(loopback);
  });

  test("have their own exceptions, and never lead to this machine", async () => {
    const env = { ALL_PROXY: "http://a:1", NO_PROXY: " .Corp.example,*.lan 10.0.0.0/8,*" };
    const { egress } = await loadEgress("", env);
    expect(egress.noProxy).toEqual([".corp.example", ".lan", "10.0.0.0/8", "*", ...loopback]);
    expect((await loadEgress("noProxy: [a]", env)).egress.noProxy).toEqual(["a", ...loopback]);
    expect((await loadEgress("proxy: http://b:1", env)).egress.noProxy).toEqual([]);
    const written = await loadEgress("proxy: http://b:1, noProxy: [localhost]", env);
    expect(written.egress.noProxy).toEqual(["localhost"]);
  });

  test("are nothing without a proxy, whatever they except", async () => {
    expect((await loadEgress("", { NO_PROXY: "a.example" })).egress).toEqual(plainEgress);
  });

  test("are refused where they are none, by the variable's name alone", async () => {
    const env = { https_proxy: "socks4://me:hunter2@a:1", ALL_PROXY: "http://me:hunter2@" };
    const wrong =
      "is not a proxy; write a URL with http, https or socks5, host and port, or unset it";
    expect(await findProblems("", { env })).toEqual([
      `environment: ALL_PROXY: ${wrong}`,
      `environment: https_proxy: ${wrong}`,
    ]);
  });

  test("give a warning where an exception is none", async () => {
    const { warnings } = await loadText("", { env: { no_proxy: "a.example,<local>" } });
    expect(warnings).toEqual([
      "environment: no_proxy: holds what is neither host, suffix, address nor CIDR block, and is ignored",
    ]);
  });
});

describe("noProxy", () => {
  test("takes hosts, suffixes, addresses, CIDR blocks and ports", async () => {
    const { egress } = await loadEgress(
      'proxy: http://a:1, noProxy: [Registry.corp, "*.corp.example", .lan, "a.lan:5000", 10.1.2.3, 10.0.0.0/8, "::1", "fd00::/8", "*"]',
    );
    expect(egress.noProxy).toEqual([
      "registry.corp",
      ".corp.example",
      ".lan",
      "a.lan:5000",
      "10.1.2.3",
      "10.0.0.0/8",
      "::1",
      "fd00::/8",
      "*",
    ]);
  });

  test.each(["https://a", "10.0.0.0/33", "a b", ""])("refuses %j", async (entry) => {
    const [problem] = await findProblems(`upstreams: { docker.io: { noProxy: ["${entry}"] } }`);
    expect(problem).toBe(
      `mirror.yaml:1:37: ${at}.noProxy[0]: "${entry}" is neither host, suffix, address nor CIDR block; write one such as registry.corp, .corp.example, 10.1.2.3 or 10.0.0.0/8`,
    );
  });
});

describe("tls", () => {
  test("is read from files, and an endpoint has the upstream's where it has none", async () => {
    const files = await readFiles();
    const { config, directory } = await loadText(
      "upstreams: { docker.io: { tls: { caFile: ca }, endpoints: [https://a, { url: https://b, tls: { certFile: cert, keyFile: key } }] } }",
      { files },
    );
    const { egress, endpoints = [] } = config.upstreams.get("docker.io") ?? {};
    expect(egress?.tls).toEqual({ ca: files["ca"], certificate: undefined, key: undefined });
    expect(egress?.written.caFile).toBe(`${directory}/ca`);
    expect(endpoints.map(({ egress: { tls } }) => tls)).toEqual([
      egress?.tls,
      { ca: files["ca"], certificate: files["cert"], key: files["key"] },
    ]);
  });

  test.each([
    ["caFile: none", '.caFile: "none" names a file that cannot be read (ENOENT)'],
    ["caFile: text", '.caFile: "text" names a file that holds no certificate in PEM format'],
    ["certFile: cert", ": need both certFile and keyFile, or none of them"],
    ["keyFile: key", ": need both certFile and keyFile, or none of them"],
    [
      "certFile: cert, keyFile: ca",
      '.keyFile: "ca" names a file that holds no private key in PEM format without a password',
    ],
    ["certFile: cert, keyFile: other", ": has a keyFile that does not belong to certFile"],
  ])("is refused as { %s }", async (settings, problem) => {
    const text = `upstreams:\n  docker.io:\n    tls: { ${settings} }`;
    const found = await findProblems(text, { files: await readFiles() });
    const shown = found.map((line) => line.replace(/:\d+: /, ": ").replace(/"\/[^"]*\//, '"'));
    expect(shown).toEqual([`mirror.yaml:3: ${at}.tls${problem}`]);
  });
});

describe("resolve and addressFamily", () => {
  test("are an endpoint's own, over those of the upstream", async () => {
    const { endpoints } = await loadEgress(
      'resolve: { a.example: 203.0.113.7, b.example: "2001:db8::7" }, addressFamily: ipv4, endpoints: [https://a, { url: https://b, resolve: { a.example: 203.0.113.8 }, addressFamily: auto }, { url: https://c, addressFamily: ipv6 }]',
    );
    expect(endpoints.map(({ resolve, family }) => [Object.fromEntries(resolve), family])).toEqual([
      [{ "a.example": "203.0.113.7", "b.example": "2001:db8::7" }, 4],
      [{ "a.example": "203.0.113.8", "b.example": "2001:db8::7" }, undefined],
      [{ "a.example": "203.0.113.7", "b.example": "2001:db8::7" }, 6],
    ]);
  });

  test.each([
    [
      "resolve: { a.example: b.example }",
      `49: ${at}.resolve.a.example: "b.example" is not an IP address; write one such as 203.0.113.7 or 2001:db8::7`,
    ],
    [
      'resolve: { "a.example:5000": 10.0.0.1 }',
      `27: ${at}.resolve: has a key "a.example:5000", which is not a host; write it in lower case and without a port`,
    ],
    [
      "addressFamily: ip4",
      `42: ${at}.addressFamily: "ip4" is not known; write one of auto, ipv4, ipv6`,
    ],
  ])("are refused as { %s }", async (settings, problem) => {
    expect(await findProblems(`upstreams: { docker.io: { ${settings} } }`)).toEqual([
      `mirror.yaml:1:${problem}`,
    ]);
  });
});
