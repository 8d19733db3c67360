import { describe, expect, test } from "@jest/globals";
import { AddressGuard } from "../../../../src/upstream/egress/address-guard.ts";
import { ConnectProxy } from "../../../support/connect-proxy.ts";
import { LoopbackServer } from "../../../support/loopback-server.ts";
import { eventsOf, openDialer, proxiesOf } from "./open-dialer.ts";

const guard = new AddressGuard({ allow: [] });
const loopback = new AddressGuard({ allow: ["127.0.0.0/8"] });

function startServer(): Promise<LoopbackServer> {
  return LoopbackServer.start((_, response) => response.end());
}

describe("a dial with a guard", () => {
  test.each(["http://127.0.0.1", "http://[::1]", "http://[::ffff:127.0.0.1]", "http://0x7f.1"])(
    "does not connect to %s",
    async (origin) => {
      await using server = await startServer();
      const dialer = openDialer({}, { guard });
      await expect(eventsOf(dialer, `${origin}:${server.port}`)).rejects.toMatchObject({
        failure: "forbidden",
        message: expect.stringMatching(/^address guard: \S+ is not a public address \(loopback\)$/),
      });
    },
  );

  test("does not connect to what a name stands for", async () => {
    await using server = await startServer();
    const dialer = openDialer({ family: 4 }, { guard });
    await expect(eventsOf(dialer, `http://localhost:${server.port}`)).rejects.toMatchObject({
      failure: "forbidden",
      message: "address guard: 127.0.0.1 is not a public address (loopback)",
    });
  });

  test("does not connect to what is configured for a name", async () => {
    await using server = await startServer();
    const resolve = new Map([["registry.test", "127.0.0.1"]]);
    const dialer = openDialer({ resolve }, { guard });
    await expect(eventsOf(dialer, `http://registry.test:${server.port}`)).rejects.toMatchObject({
      failure: "forbidden",
    });
  });

  test("connects to what is allowed, and of several addresses only to those", async () => {
    await using server = await startServer();
    const dialer = openDialer({}, { guard: loopback });
    const events = await eventsOf(dialer, `http://localhost:${server.port}`);
    expect(events.at(-1)).toMatchObject({ kind: "connected", address: "127.0.0.1" });
  });

  test.each(["http://localhost", "http://10.0.0.1", "http://metadata.google.internal"])(
    "asks no proxy for %s",
    async (url) => {
      await using proxy = await ConnectProxy.start({ hosts: {} });
      const dialer = openDialer({ proxies: proxiesOf(proxy.url) }, { guard });
      await expect(eventsOf(dialer, url)).rejects.toMatchObject({ failure: "forbidden" });
      expect(proxy.traffic.connections).toBe(0);
    },
  );

  test("asks no proxy for the private address that is configured for a name", async () => {
    await using proxy = await ConnectProxy.start({ hosts: {} });
    const resolve = new Map([["registry.test", "10.0.0.1"]]);
    const dialer = openDialer({ resolve, proxies: proxiesOf(proxy.url) }, { guard });
    await expect(eventsOf(dialer, "http://registry.test")).rejects.toMatchObject({
      failure: "forbidden",
    });
    expect(proxy.traffic.connections).toBe(0);
  });

  test("leaves public names to the proxy, which may be at a private address", async () => {
    await using server = await startServer();
    await using proxy = await ConnectProxy.start({ hosts: { "registry.test": server.url } });
    const dialer = openDialer({ proxies: proxiesOf(proxy.url) }, { guard });
    await eventsOf(dialer, "http://registry.test");
    expect(proxy.traffic.asked[0]).toMatchObject({ host: "registry.test", outcome: "connected" });
  });
});
