import { describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import type { Egress } from "../../../../src/upstream/egress/egress.ts";
import { ConnectProxy } from "../../../support/connect-proxy.ts";
import { LoopbackServer } from "../../../support/loopback-server.ts";
import type { NetworkProxyOptions } from "../../../support/network-proxy.ts";
import { SocksProxy } from "../../../support/socks-proxy.ts";
import { authorityFile } from "../../../support/tls/certificates.ts";
import { eventually } from "../../../support/wait.ts";
import {
  askOver,
  egressWith,
  eventsOf,
  never,
  openDialer,
  proxiesOf,
  targetOf,
  TlsTarget,
} from "./open-dialer.ts";

const ca = await readFile(authorityFile, "utf8");
const tls = { ca, certificate: undefined, key: undefined };

const kinds = [
  ["http", (options: NetworkProxyOptions) => ConnectProxy.start(options)],
  ["https", (options: NetworkProxyOptions) => ConnectProxy.start({ ...options, tls: true })],
  ["socks5", (options: NetworkProxyOptions) => SocksProxy.start(options)],
] as const;

function through(url: string, egress: Partial<Egress> = {}) {
  return openDialer({ proxies: proxiesOf(url), tls, ...egress });
}

function startHello(): Promise<LoopbackServer> {
  return LoopbackServer.start((_, response) => response.end("hello"));
}

describe.each(kinds)("a dial through a proxy of kind %s", (_, startProxy) => {
  test("reaches a plain host by a name that the proxy alone knows", async () => {
    await using server = await startHello();
    await using proxy = await startProxy({ hosts: { "registry.test": server.url } });
    const target = targetOf("http://registry.test:5000");
    const socket = await through(proxy.url).dial(target, "registry", { signal: never });
    expect(await askOver(socket)).toContain("hello");
    expect(proxy.traffic.asked).toEqual([
      { host: "registry.test", port: 5000, outcome: "connected" },
    ]);
  });

  test("speaks TLS with the host through it", async () => {
    await using server = await TlsTarget.start();
    await using proxy = await startProxy({ hosts: { "registry.test": server.url } });
    const dialer = through(proxy.url);
    for (const path of ["/1", "/2"]) {
      const target = targetOf("https://registry.test");
      const socket = await dialer.dial(target, "registry", { signal: never });
      expect(await askOver(socket, path)).toContain(`over TLS: ${path}`);
    }
    expect(server.serverNames).toEqual(["registry.test", "registry.test"]);
    expect(proxy.traffic.asked).toContainEqual({
      host: "registry.test",
      port: 443,
      outcome: "connected",
    });
  });

  test("tells what happens on the way", async () => {
    await using server = await TlsTarget.start();
    await using proxy = await startProxy({ hosts: { "registry.test": server.url } });
    const events = await eventsOf(through(proxy.url), "https://registry.test");
    expect(events).toEqual([
      { kind: "left-to-proxy", host: "registry.test" },
      {
        kind: "connected",
        address: "127.0.0.1",
        port: Number(new URL(proxy.url).port),
        proxy: proxy.url,
      },
      { kind: "tunnelled", proxy: proxy.url },
      expect.objectContaining({ kind: "secured", subject: "registry.test" }),
    ]);
  });

  test("tells the proxy the address that is configured for the host", async () => {
    await using server = await TlsTarget.start();
    await using proxy = await startProxy({ hosts: { "192.0.2.7": server.url } });
    const resolve = new Map([["registry.test", "192.0.2.7"]]);
    const dialer = through(proxy.url, { resolve });
    const target = targetOf("https://registry.test");
    expect(await askOver(await dialer.dial(target, "registry", { signal: never }))).toContain(
      "TLS",
    );
    expect(server.serverNames).toEqual(["registry.test"]);
    expect(proxy.traffic.asked).toEqual([{ host: "192.0.2.7", port: 443, outcome: "connected" }]);
  });

  test("names an IPv6 address as the proxy wants it", async () => {
    await using server = await startHello();
    await using proxy = await startProxy({ hosts: { "[2001:db8::1]": server.url } });
    await eventsOf(through(proxy.url), "http://[2001:db8::1]:5000");
    expect(proxy.traffic.asked).toEqual([
      { host: "[2001:db8::1]", port: 5000, outcome: "connected" },
    ]);
  });

  test("is let in with the credentials of the URL", async () => {
    await using server = await startHello();
    const credentials = { username: "j@ne", password: "p:ss/wörd %41" };
    await using proxy = await startProxy({ hosts: { "registry.test": server.url }, credentials });
    const url = proxy.urlAs("j@ne", "p:ss/wörd %41");
    const events = await eventsOf(through(url), "http://registry.test");
    expect(proxy.traffic.refusedCredentials).toBe(0);
    expect(events.at(-1)).toEqual({ kind: "tunnelled", proxy: proxy.url });
  });

  test("says that the proxy wants credentials, or others, and never which", async () => {
    const credentials = { username: "jane", password: "right" };
    await using proxy = await startProxy({ hosts: {}, credentials });
    await expect(eventsOf(through(proxy.url), "http://registry.test")).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^proxy \S+: .*it wants credentials$/),
    });
    const dialled = eventsOf(through(proxy.urlAs("jane", "s3cret")), "http://registry.test");
    const error: unknown = await dialled.catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^proxy \S+: .*it refused the credentials$/),
    });
    expect(everythingIn(error)).not.toMatch(/jane|s3cret|amFuZTpzM2NyZXQ/);
  });

  test("says that the proxy does not let it through, or does not know the host", async () => {
    await using server = await startHello();
    const hosts = { "registry.test": server.url };
    await using proxy = await startProxy({ hosts, allowed: [] });
    await expect(eventsOf(through(proxy.url), "http://registry.test")).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^proxy \S+: .*it does not let through/),
    });
    await expect(eventsOf(through(proxy.url), "http://other.test")).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^proxy \S+: .*(not get through to other|not find the host)/),
    });
    expect(proxy.traffic.asked.map(({ outcome }) => outcome)).toEqual(["forbidden", "unknown"]);
  });

  test("says that the proxy does not answer, and leaves no connection behind", async () => {
    await using proxy = await startProxy({ hosts: {} });
    proxy.traffic.stalls = true;
    const dialer = openDialer({ proxies: proxiesOf(proxy.url), tls }, { connectTimeoutMs: 1000 });
    await expect(eventsOf(dialer, "http://registry.test")).rejects.toMatchObject({
      failure: "timeout",
      message: `proxy ${proxy.url}: no answer, and 1000 ms to connect are over`,
    });
    await eventually("the connection is closed", () => proxy.traffic.openSockets === 0);
  });

  test("survives a name that is too long", async () => {
    await using proxy = await startProxy({ hosts: {} });
    const url = `http://${"long.".repeat(60)}test`;
    await expect(eventsOf(through(proxy.url), url)).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^proxy \S+: /),
    });
  });

  test("says that no proxy is there", async () => {
    const proxy = await startProxy({ hosts: {} });
    await proxy[Symbol.asyncDispose]();
    await expect(eventsOf(through(proxy.url), "http://registry.test")).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^proxy \S+: TCP: connection refused/),
    });
  });

  test("says that TLS with the host failed, and leaves no connection behind", async () => {
    await using server = await startHello();
    await using proxy = await startProxy({ hosts: { "registry.test": server.url } });
    await expect(eventsOf(through(proxy.url), "https://registry.test")).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^TLS: /),
    });
    await eventually("the connection is closed", () => proxy.traffic.openSockets === 0);
  });

  test("closes everything when the socket is destroyed", async () => {
    await using server = await TlsTarget.start();
    await using proxy = await startProxy({ hosts: { "registry.test": server.url } });
    const target = targetOf("https://registry.test");
    const socket = await through(proxy.url).dial(target, "registry", { signal: never });
    socket.destroy();
    await eventually("the connection is closed", () => proxy.traffic.openSockets === 0);
  });
});

describe("a host that is no proxy", () => {
  test("is found out where an HTTP server is taken for a SOCKS5 proxy", async () => {
    await using server = await startHello();
    const dialer = through(`socks5://127.0.0.1:${server.port}`);
    await expect(eventsOf(dialer, "http://registry.test")).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^proxy \S+: /),
    });
  });

  test("is found out where a plain server is taken for an https proxy", async () => {
    await using server = await startHello();
    const dialer = through(`https://127.0.0.1:${server.port}`);
    await expect(eventsOf(dialer, "http://registry.test")).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^proxy \S+: TLS: it does not speak TLS/),
    });
  });
});

describe("the way that is taken", () => {
  test("depends on what the connection is for, and on the scheme", async () => {
    await using server = await TlsTarget.start();
    await using plain = await startHello();
    const hosts = { "registry.test:443": server.url, "registry.test:80": plain.url };
    await using first = await SocksProxy.start({ hosts });
    await using second = await ConnectProxy.start({ hosts });
    const dialer = openDialer(
      egressWith({
        tls,
        resolve: new Map(),
        proxies: {
          registry: { http: second.url, https: first.url },
          token: { http: undefined, https: second.url },
          content: { http: undefined, https: undefined },
        },
      }),
    );
    await eventsOf(dialer, "https://registry.test", "registry");
    expect([first.traffic.connections, second.traffic.connections]).toEqual([1, 0]);
    await eventsOf(dialer, "http://registry.test", "registry");
    await eventsOf(dialer, "https://registry.test", "token");
    expect([first.traffic.connections, second.traffic.connections]).toEqual([1, 2]);
    await eventsOf(dialer, server.url, "content");
    expect([first.traffic.connections, second.traffic.connections]).toEqual([1, 2]);
  });

  test("is direct for what noProxy names", async () => {
    await using server = await startHello();
    await using proxy = await SocksProxy.start({ hosts: {} });
    const resolve = new Map([["registry.test", "127.0.0.1"]]);
    const dialer = through(proxy.url, { resolve, noProxy: [".test"] });
    const events = await eventsOf(dialer, `http://registry.test:${server.port}`);
    expect(events.at(-1)).toMatchObject({ kind: "connected", proxy: undefined });
    expect(proxy.traffic.connections).toBe(0);
  });

  test("is never direct when the proxy is away", async () => {
    await using server = await startHello();
    const proxy = await SocksProxy.start({ hosts: {} });
    await proxy[Symbol.asyncDispose]();
    await expect(eventsOf(through(proxy.url), server.url)).rejects.toMatchObject({
      message: expect.stringMatching(/^proxy /),
    });
  });
});

/** What a log could make of an error: all of its properties, and of what caused it. */
function everythingIn(value: unknown, depth = 0): string {
  if (depth > 8 || typeof value !== "object" || value === null) return String(value);
  return Object.getOwnPropertyNames(value)
    .map((name) => everythingIn(Reflect.get(value, name), depth + 1))
    .join("\n");
}
