import { describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { AddressGuard } from "../../../src/upstream/egress/address-guard.ts";
import { directEgress } from "../../../src/upstream/egress/egress.ts";
import {
  Transport,
  type HttpRequest,
  type TransportOptions,
} from "../../../src/upstream/transport.ts";
import { ConnectProxy } from "../../support/connect-proxy.ts";
import { LoopbackServer } from "../../support/loopback-server.ts";
import { SocksProxy } from "../../support/socks-proxy.ts";
import { authorityFile } from "../../support/tls/certificates.ts";
import { eventually } from "../../support/wait.ts";
import { egressWith, never, proxiesOf, TlsTarget } from "./egress/open-dialer.ts";

const ca = await readFile(authorityFile, "utf8");
const tls = { ca, certificate: undefined, key: undefined };

function openTransport(options: Partial<TransportOptions> = {}): Transport {
  return new Transport({
    egress: directEgress,
    ownHost: "registry.test",
    guard: undefined,
    connectTimeoutMs: 5000,
    responseTimeoutMs: 5000,
    stallTimeoutMs: 5000,
    onAttempt: () => {},
    ...options,
  });
}

function requestOf(url: string, changes: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: "GET",
    url: new URL(url),
    headers: {},
    signal: never,
    purpose: "registry",
    ...changes,
  };
}

/** Answers with what it was asked. */
function startEcho(): Promise<LoopbackServer> {
  return LoopbackServer.start((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method, url, headers } = request;
      response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(parts).toString() }));
    });
  });
}

describe("a request", () => {
  test.each(["POST", "PUT"] as const)("carries a body by %s", async (method) => {
    await using server = await startEcho();
    await using transport = openTransport();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const request = requestOf(`${server.url}/token?a=b`, { method, headers, body: "grant=ö" });
    const { status, body } = await transport.send(request);
    expect(status).toBe(200);
    expect(await body.json()).toMatchObject({
      method,
      url: "/token?a=b",
      headers: { ...headers, "content-length": "8" },
      body: "grant=ö",
    });
  });

  test("counts, and names who asks", async () => {
    await using server = await startEcho();
    let attempts = 0;
    await using transport = openTransport({ onAttempt: () => (attempts += 1) });
    const { body } = await transport.send(requestOf(server.url));
    expect(await body.json()).toMatchObject({
      headers: { "accept-encoding": "identity", "user-agent": "entrepot/mirror" },
    });
    expect(attempts).toBe(1);
  });

  test("uses a connection again, of the same purpose", async () => {
    await using server = await startEcho();
    await using proxy = await SocksProxy.start({ hosts: { "registry.test": server.url } });
    await using transport = openTransport({
      egress: egressWith({ proxies: proxiesOf(proxy.url) }),
    });
    for (const purpose of ["registry", "registry", "token", "token"] as const) {
      const request = requestOf("http://registry.test", { purpose, method: "HEAD" });
      const { body } = await transport.send(request);
      await body.dump();
      // It is free for others only in the next turn.
      await nextTurn();
    }
    expect(proxy.traffic.connections).toBe(2);
  });
});

describe("a way out", () => {
  test("goes through SOCKS5 and TLS to a name that is known there alone", async () => {
    await using server = await TlsTarget.start();
    await using proxy = await SocksProxy.start({ hosts: { "registry.test": server.url } });
    const egress = egressWith({ proxies: proxiesOf(proxy.url), tls });
    await using transport = openTransport({ egress });
    const { body } = await transport.send(requestOf("https://registry.test/v2/"));
    expect(await body.text()).toBe("over TLS: /v2/");
    expect(server.serverNames).toEqual(["registry.test"]);
    expect(proxy.traffic.asked).toEqual([
      { host: "registry.test", port: 443, outcome: "connected" },
    ]);
  });

  test("goes by CONNECT for http, too, with the host's own name in Host", async () => {
    await using server = await startEcho();
    await using proxy = await ConnectProxy.start({ hosts: { "registry.test": server.url } });
    const egress = egressWith({ proxies: proxiesOf(proxy.url) });
    await using transport = openTransport({ egress });
    const { body } = await transport.send(requestOf("http://registry.test:5000/v2/"));
    expect(await body.json()).toMatchObject({
      url: "/v2/",
      headers: { host: "registry.test:5000" },
    });
    expect(proxy.plainRequests).toBe(0);
  });

  test("carries many bytes, there and back, over TLS within TLS", async () => {
    await using server = await startEcho();
    await using proxy = await ConnectProxy.start({
      hosts: { "registry.test": server.url },
      tls: true,
    });
    const egress = egressWith({ proxies: proxiesOf(proxy.url), tls });
    await using transport = openTransport({ egress });
    const sent = "0123456789abcdef".repeat(64 * 1024);
    const request = requestOf("http://registry.test", { method: "PUT", body: sent });
    const { body } = await transport.send(request);
    expect(await body.json()).toMatchObject({ body: sent });
  });

  test("differs by purpose", async () => {
    await using server = await startEcho();
    await using proxy = await SocksProxy.start({ hosts: { "127.0.0.1": server.url } });
    const direct = { http: undefined, https: undefined };
    const proxies = { registry: { ...direct, http: proxy.url }, token: direct, content: direct };
    await using transport = openTransport({ egress: egressWith({ proxies }) });
    for (const purpose of ["content", "token"] as const) {
      const { body } = await transport.send(requestOf(server.url, { purpose }));
      await body.dump();
    }
    expect(proxy.traffic.connections).toBe(0);
    const { body } = await transport.send(requestOf(server.url));
    await body.dump();
    expect(proxy.traffic.connections).toBe(1);
  });
});

describe("a connection that fails", () => {
  test("is told with the origin and the stage", async () => {
    const server = await startEcho();
    await server.stop();
    await using transport = openTransport();
    await expect(transport.send(requestOf(server.url))).rejects.toMatchObject({
      name: "UpstreamError",
      failure: "unreachable",
      message: `${server.url}: TCP: connection refused (connect ECONNREFUSED 127.0.0.1:${server.port})`,
    });
  });

  test("is told with an origin that is written as URLs are", async () => {
    const guard = new AddressGuard({ allow: [] });
    await using transport = openTransport({ guard });
    await expect(transport.send(requestOf("https://[::1]:5000/x"))).rejects.toMatchObject({
      message: "https://[::1]:5000: address guard: ::1 is not a public address (loopback)",
    });
  });

  test("is told without the credentials of the proxy", async () => {
    await using proxy = await ConnectProxy.start({
      hosts: {},
      credentials: { username: "jane", password: "right" },
    });
    const egress = egressWith({ proxies: proxiesOf(proxy.urlAs("jane", "s3cret")) });
    await using transport = openTransport({ egress });
    await expect(transport.send(requestOf("https://registry.test/x?sig=1"))).rejects.toMatchObject({
      failure: "unreachable",
      message:
        `https://registry.test: proxy ${proxy.url}: answered CONNECT with status 407: ` +
        "it refused the credentials",
    });
  });

  test("is told as a timeout where it took too long", async () => {
    await using proxy = await SocksProxy.start({ hosts: {} });
    proxy.traffic.stalls = true;
    const egress = egressWith({ proxies: proxiesOf(proxy.url) });
    await using transport = openTransport({ egress, connectTimeoutMs: 1000 });
    await expect(transport.send(requestOf("https://registry.test"))).rejects.toMatchObject({
      failure: "timeout",
      message: `https://registry.test: proxy ${proxy.url}: no answer, and 1000 ms to connect are over`,
    });
  });

  test("is told as forbidden where the guard refuses the address", async () => {
    await using server = await startEcho();
    await using transport = openTransport({ guard: new AddressGuard({ allow: [] }) });
    await expect(transport.send(requestOf(server.url))).rejects.toMatchObject({
      failure: "forbidden",
      message: `${server.url}: address guard: 127.0.0.1 is not a public address (loopback)`,
    });
  });

  test("is tried anew by the next request", async () => {
    const server = await startEcho();
    await server.stop();
    await using transport = openTransport();
    await expect(transport.send(requestOf(server.url))).rejects.toMatchObject({
      failure: "unreachable",
    });
    await server.start();
    await using _ = server;
    const { status, body } = await transport.send(requestOf(server.url));
    await body.dump();
    expect(status).toBe(200);
  });
});

test("whoever aborts gets the own reason, though the connection is still being made", async () => {
  await using proxy = await SocksProxy.start({ hosts: {} });
  proxy.traffic.stalls = true;
  await using transport = openTransport({ egress: egressWith({ proxies: proxiesOf(proxy.url) }) });
  const controller = new AbortController();
  const reason = new Error("nobody wants it any more");
  const { signal } = controller;
  const sent = transport.send(requestOf("http://registry.test", { signal }));
  const refused = expect(sent).rejects.toBe(reason);
  await eventually("the proxy is asked", () => proxy.traffic.connections === 1);
  controller.abort(reason);
  await refused;
});

test("disposal ends connections that are still being made", async () => {
  await using proxy = await SocksProxy.start({ hosts: {} });
  proxy.traffic.stalls = true;
  const transport = openTransport({ egress: egressWith({ proxies: proxiesOf(proxy.url) }) });
  const sent = transport.send(requestOf("http://registry.test"));
  const refused = expect(sent).rejects.toMatchObject({ name: "UpstreamError" });
  await eventually("the proxy is asked", () => proxy.traffic.openSockets === 1);
  await transport[Symbol.asyncDispose]();
  await refused;
  await eventually("the connection is closed", () => proxy.traffic.openSockets === 0);
});
