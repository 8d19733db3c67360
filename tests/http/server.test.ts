import { describe, expect, test } from "@jest/globals";
import { RegistryServer } from "../../src/http/server.ts";
import { RawClient } from "./raw-client.ts";
import { TestRegistry } from "./test-registry.ts";

const mebibyte = 1024 * 1024;

function urlOf(server: RegistryServer, path: string): string {
  return `http://127.0.0.1:${server.address.port}${path}`;
}

/** A blob of which all but the first byte waits until `release`. */
function addWaitingBlob({ repository }: TestRegistry) {
  const gate = Promise.withResolvers<void>();
  repository.beforeRead = (position) => (position === 0 ? Promise.resolve() : gate.promise);
  const bytes = Buffer.alloc(mebibyte, "abc");
  return { bytes, path: `/v2/a/blobs/${repository.addBlob(bytes)}`, release: gate.resolve };
}

describe("the server", () => {
  test("rejects when its address is taken", async () => {
    const registry = new TestRegistry();
    await using server = await registry.listen();
    const { host, port } = server.address;
    const timeouts = { headersTimeoutMs: 1000, idleTimeoutMs: 1000 };
    const second = RegistryServer.listen({ listener: registry.app, host, port, ...timeouts });
    await expect(second).rejects.toThrow("EADDRINUSE");
  });

  test("serves others while 200 requests are half sent, and closes those in the end", async () => {
    await using server = await new TestRegistry().listen({ headersTimeoutMs: 500 });
    const connecting = Array.from({ length: 200 }, () => RawClient.connect(server.address.port));
    const clients = await Promise.all(connecting);
    for (const { socket } of clients) socket.write("GET /v2/ HTTP/1.1\r\nHost: a\r\nX-Half: ");
    const response = await fetch(urlOf(server, "/v2/"));
    expect(response.status).toBe(200);
    await Promise.all(clients.map(({ closed }) => closed));
    const answers = clients.map(({ received }) => received.toString().slice(0, 12));
    expect(new Set(answers)).toEqual(new Set(["HTTP/1.1 408"]));
  });

  test("closes a connection that never says anything", async () => {
    await using server = await new TestRegistry().listen({ headersTimeoutMs: 100 });
    using client = await RawClient.connect(server.address.port);
    await client.closed;
    expect(client.received.toString()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("gives up on a client that takes nothing of what it asked for", async () => {
    const registry = new TestRegistry();
    await using server = await registry.listen({ idleTimeoutMs: 100 });
    const digest = registry.repository.addBlob(Buffer.alloc(64 * mebibyte));
    using client = await RawClient.connect(server.address.port);
    client.socket.pause();
    client.get(`/v2/a/blobs/${digest}`);
    expect(await registry.logs.requestLine()).toMatchObject({ status: 200, aborted: true });
    expect(registry.repository.openReaders).toBe(0);
  });

  test("sends no refusal into a response under way", async () => {
    const registry = new TestRegistry();
    await using server = await registry.listen();
    const { path } = addWaitingBlob(registry);
    using client = await RawClient.connect(server.address.port);
    client.get(path);
    await client.receivedText("abcabc");
    client.socket.write("garbage\r\n\r\n");
    await client.closed;
    expect(client.received.toString().match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(registry.repository.openReaders).toBe(0);
  });
});

describe("draining the server", () => {
  test("refuses new connections, lets a running transfer finish, then ends", async () => {
    const registry = new TestRegistry();
    const server = await registry.listen();
    const { port } = server.address;
    const { bytes, path, release } = addWaitingBlob(registry);
    using client = await RawClient.connect(port);
    client.get(path);
    await client.receivedText("abcabc");
    const drained = server.drain(10_000);
    await expect(RawClient.connect(port)).rejects.toThrow("ECONNREFUSED");
    release();
    await Promise.all([drained, client.closed]);
    const body = client.received.subarray(client.received.indexOf("\r\n\r\n") + 4);
    expect(body.equals(bytes)).toBe(true);
    expect(await registry.logs.requestLine()).not.toHaveProperty("aborted");
  });

  test("does not wait for connections without a request, or with half of one", async () => {
    const server = await new TestRegistry().listen();
    const { port } = server.address;
    using idle = await RawClient.connect(port);
    idle.get("/v2/");
    await idle.receivedText("{}");
    using half = await RawClient.connect(port);
    half.socket.write("GET /v2/ HTTP/1.1\r\n");
    using silent = await RawClient.connect(port);
    const deadline = 60_000;
    await server.drain(deadline);
    await Promise.all([idle.closed, half.closed, silent.closed]);
    expect(half.received).toHaveLength(0);
  });

  test("ends an answer that a slow client has not taken yet only when it is out", async () => {
    const registry = new TestRegistry();
    const server = await registry.listen();
    const content = "x".repeat(16 * mebibyte);
    registry.repository.addManifest("big", "application/vnd.oci.image.index.v1+json", content);
    using client = await RawClient.connect(server.address.port);
    client.get("/v2/a/manifests/big");
    await client.receivedText("\r\n\r\n");
    client.socket.pause();
    const drained = server.drain(10_000);
    client.socket.resume();
    await Promise.all([drained, client.closed]);
    const head = client.received.indexOf("\r\n\r\n") + 4;
    expect(client.received).toHaveLength(head + content.length);
  });

  test("cuts off at the deadline what still runs", async () => {
    const registry = new TestRegistry();
    const server = await registry.listen();
    const { path } = addWaitingBlob(registry);
    using client = await RawClient.connect(server.address.port);
    client.get(path);
    await client.receivedText("abcabc");
    await server.drain(50);
    await client.closed;
    expect(await registry.logs.requestLine()).toMatchObject({ aborted: true });
    expect(registry.repository.openReaders).toBe(0);
  });

  test("may be asked for more than once", async () => {
    const server = await new TestRegistry().listen();
    await Promise.all([server.drain(1000), server.drain(1000)]);
    await expect(server.drain(1000)).resolves.toBeUndefined();
  });

  test("meanwhile new requests on open connections are sent away", async () => {
    const registry = new TestRegistry();
    await using server = await registry.listen();
    registry.isDraining = true;
    const response = await fetch(urlOf(server, "/v2/a/manifests/latest"));
    expect(response.status).toBe(503);
    expect(response.headers.get("connection")).toBe("close");
    expect(await response.json()).toMatchObject({ errors: [{ code: "UNAVAILABLE" }] });
    expect(registry.repository.calls).toEqual([]);
  });
});
