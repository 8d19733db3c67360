import { describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { AddressGuard } from "../../../../src/upstream/egress/address-guard.ts";
import { ConnectProxy } from "../../../support/connect-proxy.ts";
import { FakeRegistry } from "../../../support/fake-registry.ts";
import { makeImage } from "../../../support/images.ts";
import { LoopbackServer } from "../../../support/loopback-server.ts";
import { SocksProxy } from "../../../support/socks-proxy.ts";
import { certificateFile, TlsFront } from "../../../support/tls-front.ts";
import { proxiesOf } from "../egress/open-dialer.ts";
import { probeOne } from "./probe-steps.ts";

const name = "http://registry.test";

async function startRegistry(): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start();
  registry.addImage("library/app", "latest", makeImage());
  return registry;
}

async function closedUrl(): Promise<string> {
  const server = await LoopbackServer.start((_, response) => response.end());
  await server.stop();
  return server.url;
}

describe("the way of a probe without a proxy", () => {
  test("says that there is no such host, and tries nothing else", async () => {
    const outcome = await probeOne("http://nowhere.invalid");
    expect(outcome.outcomes).toEqual([
      "dns failed",
      "tcp skipped",
      "proxy skipped",
      "tls skipped",
      "api skipped",
      "token skipped",
      "manifest skipped",
      "blob skipped",
    ]);
    // Where no resolver answers, it cannot be told apart.
    expect(outcome.messageOf("dns")).toMatch(/^DNS: .*resolve, it is not asked$/);
  });

  test("says that a connection is refused, and where to", async () => {
    const url = await closedUrl();
    const outcome = await probeOne(url);
    expect(outcome.failed).toEqual(["tcp"]);
    expect(outcome.messageOf("dns")).toBe("127.0.0.1 is an address");
    expect(outcome.messageOf("tcp")).toMatch(/^TCP: connection refused .*try a proxy$/);
    expect(outcome.messageOf("tcp")).toContain(new URL(url).host);
  });

  test("goes to the address that is configured", async () => {
    await using registry = await startRegistry();
    const { port } = new URL(registry.url);
    const egress = { resolve: new Map([["registry.test", "127.0.0.1"]]) };
    const outcome = await probeOne(`${name}:${port}`, { egress });
    expect(outcome.failed).toEqual([]);
    expect(outcome.messageOf("dns")).toBe("registry.test is 127.0.0.1, as configured");
  });

  test("is stopped by the guard", async () => {
    await using registry = await startRegistry();
    const outcome = await probeOne(registry.url, { guard: new AddressGuard({ allow: [] }) });
    expect(outcome.failed).toEqual(["tcp"]);
    expect(outcome.messageOf("tcp")).toMatch(/not a public address.*allowAddresses$/);
    expect(registry.journal.entries).toEqual([]);
  });
});

describe("the way of a probe over TLS", () => {
  test("says who issued a certificate that is not trusted", async () => {
    await using registry = await startRegistry();
    await using front = await TlsFront.start(registry.url);
    const outcome = await probeOne(front.url);
    expect(outcome.failed).toEqual(["tls"]);
    expect(outcome.messageOf("tls")).toMatch(
      /no trusted authority.*: the certificate was issued by localhost; .*set tls\.caFile$/,
    );
    expect(registry.journal.entries).toEqual([]);
  });

  test("tells of the certificate that is trusted", async () => {
    await using registry = await startRegistry();
    await using front = await TlsFront.start(registry.url);
    const ca = await readFile(certificateFile, "utf8");
    const tls = { ca, certificate: undefined, key: undefined };
    const outcome = await probeOne(front.url, { egress: { tls } });
    expect(outcome.failed).toEqual([]);
    expect(outcome.messageOf("tls")).toMatch(
      /^TLSv1\.3, certificate for .*localhost.* from localhost, until \d{4}-\d\d-\d\d$/,
    );
    expect(outcome.outcomes.slice(0, 4)).toEqual(["dns ok", "tcp ok", "proxy skipped", "tls ok"]);
  });

  test("says that what answers does not speak TLS", async () => {
    await using registry = await startRegistry();
    const outcome = await probeOne(registry.url.replace("http:", "https:"));
    expect(outcome.failed).toEqual(["tls"]);
    expect(outcome.messageOf("tls")).toContain("or is it one for http://?");
  });
});

describe("the way of a probe through a proxy", () => {
  test.each([
    ["http", ConnectProxy],
    ["socks5", SocksProxy],
  ])("of kind %s leaves names to it, and goes through it with every step", async (_, kind) => {
    await using registry = await startRegistry();
    await using way = await kind.start({ hosts: { "registry.test": registry.url } });
    const outcome = await probeOne(name, { egress: { proxies: proxiesOf(way.url) } });
    expect(outcome.failed).toEqual([]);
    expect(outcome.messageOf("dns")).toBe("registry.test is left to the proxy");
    expect(outcome.messageOf("tcp")).toBe(`${new URL(way.url).host}, the proxy ${way.url}`);
    expect(outcome.messageOf("proxy")).toBe(`${way.url} lets through`);
    expect(way.traffic.asked.every(({ host }) => host === "registry.test")).toBe(true);
    expect(registry.journal.count()).toBeGreaterThan(2);
  });

  test.each([
    ["http", ConnectProxy, "status 407"],
    ["socks5", SocksProxy, "it wants credentials"],
  ])("of kind %s says that it wants credentials", async (_, kind, words) => {
    const credentials = { username: "ann", password: "secret" };
    await using way = await kind.start({ hosts: { "registry.test": name }, credentials });
    const outcome = await probeOne(name, { egress: { proxies: proxiesOf(way.url) } });
    expect(outcome.failed).toEqual(["proxy"]);
    expect(outcome.messageOf("proxy")).toContain(words);
    expect(outcome.messageOf("proxy")).toMatch(/give the proxy's URL user:password@$/);
    const wrong = await probeOne(name, {
      egress: { proxies: proxiesOf(way.urlAs("ann", "wrong-secret")) },
    });
    expect(wrong.failed).toEqual(["proxy"]);
    expect(JSON.stringify(wrong.findings) + wrong.lines.join("")).not.toContain("wrong-secret");
  });

  test("says that it is not there", async () => {
    const url = await closedUrl();
    const outcome = await probeOne(name, { egress: { proxies: proxiesOf(url) } });
    expect(outcome.outcomes.slice(0, 4)).toEqual([
      "dns ok",
      "tcp skipped",
      "proxy failed",
      "tls skipped",
    ]);
    expect(outcome.messageOf("proxy")).toMatch(/TCP: connection refused.*does it run\?$/);
  });

  test("says that it does not let through", async () => {
    await using registry = await startRegistry();
    await using way = await ConnectProxy.start({
      hosts: { "registry.test": registry.url },
      allowed: [],
    });
    const outcome = await probeOne(name, { egress: { proxies: proxiesOf(way.url) } });
    expect(outcome.failed).toEqual(["proxy"]);
    expect(outcome.messageOf("proxy")).toContain("does the proxy allow this host and port?");
  });

  test("that does not answer is given up in time", async () => {
    await using way = await SocksProxy.start({ hosts: {} });
    way.traffic.stalls = true;
    const outcome = await probeOne(name, {
      egress: { proxies: proxiesOf(way.url) },
      connectTimeoutMs: 50,
    });
    expect(outcome.failed).toEqual(["proxy"]);
    expect(outcome.messageOf("proxy")).toContain("50 ms to connect are over");
  });
});
