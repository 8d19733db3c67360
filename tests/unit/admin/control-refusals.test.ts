import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import type { PinEntry } from "../../../src/registry/operations/operations.ts";
import { ControlPair, ignoreEvents } from "./control-pair.ts";

const pinned: PinEntry = { name: "docker.io/library/node:24", createdAt: 1, present: true };

/** What curl would get. */
async function send(path: string, method: string, url: string, body = "") {
  const answered = Promise.withResolvers<{ status: number | undefined; body: string }>();
  const sent = request({ socketPath: path, method, path: url, agent: new Agent() }, (response) => {
    const { statusCode: status } = response;
    text(response).then((got) => answered.resolve({ status, body: got }), answered.reject);
  });
  sent.on("error", answered.reject);
  sent.end(body);
  return answered.promise;
}

describe("what the control server does not understand", () => {
  test.each([
    ["POST", "/v1/explode", "{}", 404],
    ["POST", "/v1/__proto__", "{}", 404],
    ["GET", "/", "", 404],
    ["GET", "/v1/stats", "", 405],
    ["POST", "/v1/show", "{}", 400],
    ["POST", "/v1/show", '{"name":"a","deep":true}', 400],
    ["POST", "/v1/show", "no JSON", 400],
    ["POST", "/v1/pin", '{"name":"a","until":8.7e15}', 400],
    ["POST", "/v1/show", `{"name":"${"x".repeat(33 * 1024 * 1024)}"}`, 413],
  ])("%s %s with %.30s is refused with a reason", async (method, url, body, status) => {
    await using pair = await ControlPair.start();
    const answer = await send(pair.path, method, url, body);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: "UNSUPPORTED" } });
  });

  test("is told as it is where it is only too long", async () => {
    await using pair = await ControlPair.start();
    const call = pair.client.show({ name: "x".repeat(33 * 1024 * 1024) }, ignoreEvents());
    await expect(call).rejects.toThrow(/^the arguments are too long; give less$/);
  });

  test("is explained by the versions where they differ", async () => {
    await using pair = await ControlPair.start({ clientVersion: "2.0.0" });
    const call = pair.client.stats({ sinceMs: -1 }, ignoreEvents());
    await expect(call).rejects.toThrow(
      /the running server is entrepot 1\.0\.0, this command 2\.0\.0, .*restart the server/,
    );
  });

  test("does not keep versions that differ from understanding the rest", async () => {
    await using pair = await ControlPair.start({
      clientVersion: "2.0.0",
      operations: { listPins: async () => [pinned] },
    });
    expect(await pair.client.listPins({}, ignoreEvents())).toEqual([pinned]);
  });

  test("is an answer of another kind, to the client", async () => {
    await using pair = await ControlPair.start({
      operations: { stats: () => JSON.parse('{"of":"another version"}') },
    });
    await expect(pair.client.stats({}, ignoreEvents())).rejects.toThrow(
      "do not understand each other",
    );
  });
});
