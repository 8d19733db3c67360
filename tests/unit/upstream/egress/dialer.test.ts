import { describe, expect, test } from "@jest/globals";
import { createServer } from "node:net";
import { eventually } from "../../../support/wait.ts";
import { LoopbackServer } from "../../../support/loopback-server.ts";
import { askOver, eventsOf, never, openDialer, targetOf } from "./open-dialer.ts";

function startHello(): Promise<LoopbackServer> {
  return LoopbackServer.start((_, response) => response.end("hello"));
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = await startHello();
  await server.stop();
  return server.port;
}

describe("a dial without a proxy", () => {
  test("reaches an address", async () => {
    await using server = await startHello();
    const socket = await openDialer().dial(targetOf(server.url), "registry", { signal: never });
    expect(await askOver(socket)).toContain("hello");
  });

  test("reaches an IPv6 address, with or without brackets", async () => {
    const server = createServer((socket) => socket.end("six"));
    await new Promise<void>((resolve) => {
      server.listen(0, "::1", resolve);
    });
    try {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      for (const hostname of ["[::1]", "::1"]) {
        const target = { protocol: "http:", hostname, port: address.port } as const;
        const socket = await openDialer().dial(target, "registry", { signal: never });
        expect(await askOver(socket)).toBe("six");
      }
    } finally {
      server.close();
    }
  });

  test("looks names up, and tries all addresses they have", async () => {
    await using server = await startHello();
    const events = await eventsOf(openDialer(), `http://localhost:${server.port}`);
    expect(events).toEqual([
      {
        kind: "resolved",
        host: "localhost",
        addresses: expect.arrayContaining(["127.0.0.1"]),
        source: "dns",
      },
      { kind: "connected", address: "127.0.0.1", port: server.port, proxy: undefined },
    ]);
  });

  test("takes the addresses of one family only", async () => {
    await using server = await startHello();
    const events = await eventsOf(openDialer({ family: 4 }), `http://localhost:${server.port}`);
    expect(events[0]).toMatchObject({ addresses: ["127.0.0.1"] });
  });

  test("takes the configured address in the place of DNS, whatever the case", async () => {
    await using server = await startHello();
    const dialer = openDialer({ resolve: new Map([["registry.test", "127.0.0.1"]]) });
    const target = { protocol: "http:", hostname: "Registry.Test", port: server.port } as const;
    const socket = await dialer.dial(target, "registry", { signal: never });
    expect(await askOver(socket)).toContain("hello");
    const events = await eventsOf(dialer, `http://registry.test:${server.port}`);
    expect(events[0]).toEqual({
      kind: "resolved",
      host: "registry.test",
      addresses: ["127.0.0.1"],
      source: "configured",
    });
  });

  test("says that there is no such host", async () => {
    await expect(eventsOf(openDialer(), "http://nowhere.invalid")).rejects.toMatchObject({
      name: "UpstreamError",
      failure: "unreachable",
      message: expect.stringMatching(/^DNS: .*nowhere\.invalid/),
    });
  });

  test("survives a name that is too long", async () => {
    const url = `http://${"long.".repeat(60)}test`;
    await expect(eventsOf(openDialer(), url)).rejects.toMatchObject({
      failure: "unreachable",
      message: expect.stringMatching(/^DNS: /),
    });
  });

  test("says that the connection was refused, and by whom", async () => {
    const port = await closedPort();
    await expect(eventsOf(openDialer(), `http://127.0.0.1:${port}`)).rejects.toMatchObject({
      failure: "unreachable",
      message: `TCP: connection refused (connect ECONNREFUSED 127.0.0.1:${port})`,
    });
  });

  test("gives up when its time is over, and says at what", async () => {
    const server = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    try {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const dialer = openDialer({}, { connectTimeoutMs: 1000 });
      await expect(eventsOf(dialer, `https://127.0.0.1:${address.port}`)).rejects.toMatchObject({
        failure: "timeout",
        message: "TLS: no answer, and 1000 ms to connect are over",
      });
      await eventually(
        "the connection is closed",
        () =>
          new Promise<boolean>((resolve) => {
            server.getConnections((_, count) => resolve(count === 0));
          }),
      );
    } finally {
      server.close();
    }
  });

  test("ends with the signal's reason", async () => {
    const reason = new Error("nobody wants it any more");
    const target = targetOf("http://127.0.0.1:1");
    const dialled = openDialer().dial(target, "registry", { signal: AbortSignal.abort(reason) });
    await expect(dialled).rejects.toBe(reason);
  });

  test("ends with the signal's reason on the way, too", async () => {
    const accepted = Promise.withResolvers<void>();
    const server = createServer(() => accepted.resolve());
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    try {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const reason = new Error("nobody wants it any more");
      const controller = new AbortController();
      const target = targetOf(`https://127.0.0.1:${address.port}`);
      const dialled = openDialer().dial(target, "registry", { signal: controller.signal });
      const refused = expect(dialled).rejects.toBe(reason);
      await accepted.promise;
      controller.abort(reason);
      await refused;
    } finally {
      server.close();
    }
  });
});
