import { describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { ConnectProxy } from "../../../support/connect-proxy.ts";
import { LoopbackServer } from "../../../support/loopback-server.ts";
import { authorityFile, expiredCertificate } from "../../../support/tls/certificates.ts";
import {
  askOver,
  eventsOf,
  never,
  openDialer,
  proxiesOf,
  readClientIdentity,
  targetOf,
  TlsTarget,
} from "./open-dialer.ts";

const ca = await readFile(authorityFile, "utf8");
const trusting = { ca, certificate: undefined, key: undefined };
const resolve = new Map([
  ["registry.test", "127.0.0.1"],
  ["eu.registry.test", "127.0.0.1"],
  ["other.example", "127.0.0.1"],
]);

describe("a dial by https", () => {
  test("trusts the configured authority, and asks for the name that stands in the URL", async () => {
    await using target = await TlsTarget.start();
    const dialer = openDialer({ resolve, tls: trusting });
    const url = `https://registry.test:${target.port}`;
    const socket = await dialer.dial(targetOf(url), "registry", { signal: never });
    expect(await askOver(socket, "/v2/")).toContain("over TLS: /v2/");
    expect(target.serverNames).toEqual(["registry.test"]);
  });

  test("tells whose certificate it is, and for how long", async () => {
    await using target = await TlsTarget.start();
    const dialer = openDialer({ resolve, tls: trusting });
    const events = await eventsOf(dialer, `https://registry.test:${target.port}`);
    expect(events.map(({ kind }) => kind)).toEqual(["resolved", "connected", "secured"]);
    expect(events.at(-1)).toEqual({
      kind: "secured",
      protocol: "TLSv1.3",
      subject: "registry.test",
      issuer: "Test Authority",
      validTo: Date.UTC(2120, 0, 1),
    });
  });

  test("reaches an address whose certificate names it", async () => {
    await using target = await TlsTarget.start();
    const dialer = openDialer({ tls: trusting });
    const socket = await dialer.dial(targetOf(target.url), "registry", { signal: never });
    expect(await askOver(socket)).toContain("over TLS");
    expect(target.serverNames).toEqual([false]);
  });

  test("takes up the session of an earlier connection", async () => {
    await using target = await TlsTarget.start();
    const dialer = openDialer({ resolve, tls: trusting });
    const url = targetOf(`https://registry.test:${target.port}`);
    for (const path of ["/1", "/2"]) {
      const socket = await dialer.dial(url, "registry", { signal: never });
      expect(await askOver(socket, path)).toContain(`over TLS: ${path}`);
    }
    expect(target.resumed).toEqual([false, true]);
  });

  test("does not trust an authority that nobody configured", async () => {
    await using target = await TlsTarget.start();
    const url = `https://registry.test:${target.port}`;
    await expect(eventsOf(openDialer({ resolve }), url)).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^TLS: no trusted authority \(/),
    });
  });

  test("says that the certificate has expired", async () => {
    await using target = await TlsTarget.start(expiredCertificate);
    const url = `https://registry.test:${target.port}`;
    await expect(eventsOf(openDialer({ resolve, tls: trusting }), url)).rejects.toMatchObject({
      failure: "unreachable",
      message: "TLS: certificate has expired",
    });
  });

  test("says whose certificate it is when the name is another, each time anew", async () => {
    await using target = await TlsTarget.start();
    const dialer = openDialer({ resolve, tls: trusting });
    const url = `https://other.example:${target.port}`;
    for (const _ of [1, 2]) {
      await expect(eventsOf(dialer, url)).rejects.toMatchObject({
        failure: "unreachable",
        message: expect.stringMatching(
          /^TLS: the certificate is for another host .*other\.example.*registry\.test/,
        ),
      });
    }
  });

  test("says that there is no TLS", async () => {
    await using plain = await LoopbackServer.start((_, response) => response.end());
    const url = `https://127.0.0.1:${plain.port}`;
    await expect(eventsOf(openDialer(), url)).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^TLS: it does not speak TLS \(\S.*\S\)$/),
    });
  });

  test("says that what is configured is no certificate", async () => {
    await using target = await TlsTarget.start();
    const dialer = openDialer(
      { tls: { ca, certificate: "nonsense", key: "nonsense" } },
      {
        ownHost: "127.0.0.1",
      },
    );
    await expect(eventsOf(dialer, target.url)).rejects.toMatchObject({
      failure: "unreachable",
      message: "TLS: the configured authority, certificate or key is not usable PEM",
    });
  });
});

describe("a client certificate", () => {
  test("is shown at the endpoint's own host, and nowhere else", async () => {
    await using target = await TlsTarget.start();
    const dialer = openDialer({ resolve, tls: { ca, ...(await readClientIdentity()) } });
    for (const host of ["registry.test", "eu.registry.test", "Registry.Test", "127.0.0.1"]) {
      const url = { protocol: "https:", hostname: host, port: target.port } as const;
      const socket = await dialer.dial(url, "content", { signal: never });
      await askOver(socket);
    }
    expect(target.clients).toEqual(["mirror.test", undefined, "mirror.test", undefined]);
  });

  test("is shown through a proxy to the host, not to the proxy", async () => {
    await using target = await TlsTarget.start();
    await using proxy = await ConnectProxy.start({
      hosts: { "registry.test": target.url },
      tls: true,
    });
    const tls = { ca, ...(await readClientIdentity()) };
    const dialer = openDialer({ proxies: proxiesOf(proxy.url), tls });
    const socket = await dialer.dial(targetOf("https://registry.test"), "registry", {
      signal: never,
    });
    await askOver(socket);
    expect(target.clients).toEqual(["mirror.test"]);
    expect(proxy.clients).toEqual([undefined]);
  });
});
