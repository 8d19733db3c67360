import { describe, expect, test } from "@jest/globals";
import { connectTcp } from "../../../../src/upstream/egress/tcp-connection.ts";
import { LoopbackServer } from "../../../support/loopback-server.ts";
import { never } from "./open-dialer.ts";

function startServer(): Promise<LoopbackServer> {
  return LoopbackServer.start((_, response) => response.end());
}

describe("connectTcp", () => {
  test("goes on to the next address where the first refuses", async () => {
    await using server = await startServer();
    const socket = await connectTcp(["127.0.0.2", "127.0.0.1"], server.port, never);
    expect(socket.remoteAddress).toBe("127.0.0.1");
    socket.destroy();
  });

  test("tells of all addresses where all refuse", async () => {
    const server = await startServer();
    await server.stop();
    const connected = connectTcp(["127.0.0.2", "127.0.0.1"], server.port, never);
    await expect(connected).rejects.toMatchObject({
      code: "ECONNREFUSED",
      errors: [{ address: "127.0.0.2" }, { address: "127.0.0.1" }],
    });
  });

  test("outlives its signal once it is there", async () => {
    await using server = await startServer();
    const controller = new AbortController();
    const socket = await connectTcp(["127.0.0.1"], server.port, controller.signal);
    controller.abort();
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });

  test("rejects when it is aborted", async () => {
    await using server = await startServer();
    const controller = new AbortController();
    const refused = expect(connectTcp(["127.0.0.1"], server.port, controller.signal)).rejects;
    controller.abort();
    await refused.toMatchObject({ name: "AbortError" });
  });
});
