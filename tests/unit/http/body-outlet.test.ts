import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { BodyOutlet } from "../../../src/http/body-outlet.ts";

const server = createServer();

beforeEach(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(async () => {
  server.removeAllListeners("request");
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

/** Sends `count` requests at once on one connection. */
async function requests(count: number) {
  const responses: ServerResponse[] = [];
  const arrived = Promise.withResolvers<void>();
  server.on("request", (_, response) => {
    if (responses.push(response) === count) arrived.resolve();
  });
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const client = connect(address.port, "127.0.0.1");
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(count));
  await arrived.promise;
  return { client, responses };
}

describe("a body's outlet", () => {
  test("says when bytes are out, and how many", async () => {
    const { client, responses } = await requests(1);
    const sent: number[] = [];
    for (const response of responses) {
      const outlet = new BodyOutlet(response, (count) => sent.push(count));
      await outlet.write(Buffer.from("abc"));
    }
    expect(sent).toEqual([3]);
    client.destroy();
  });

  test("keeps nobody waiting whose turn never comes, once it is closed", async () => {
    const { client, responses } = await requests(2);
    const outlets = responses.map((response) => new BodyOutlet(response, () => undefined));
    const waiting = outlets.slice(1).map((outlet) => outlet.write(Buffer.from("abc")));
    client.destroy();
    await once(client, "close");
    for (const outlet of outlets) outlet.close();
    await Promise.all(waiting);
    expect(waiting).toHaveLength(1);
    expect(outlets.map(({ isOpen }) => isOpen)).toEqual([false, false]);
  });

  test("takes nothing more once it is closed", async () => {
    const { client, responses } = await requests(1);
    for (const response of responses) {
      const sent: number[] = [];
      const outlet = new BodyOutlet(response, (count) => sent.push(count));
      outlet.close();
      await outlet.write(Buffer.from("abc"));
      expect(sent).toEqual([]);
      expect(response.headersSent).toBe(false);
    }
    client.destroy();
  });
});
