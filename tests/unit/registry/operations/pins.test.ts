import { describe, expect, test } from "@jest/globals";
import { createPins } from "../../../../src/registry/operations/pins.ts";
import { makeImage } from "../../../support/images.ts";
import { call, StockedCache } from "./stocked-cache.ts";

const image = makeImage();
const digest = image.manifest.digest;

function open(cache: StockedCache) {
  const changes: number[] = [];
  const pins = createPins({ ...cache.stores, onPinsChanged: () => changes.push(1) });
  return { ...pins, changes };
}

describe("pin", () => {
  test("completes the name, and tells that the content is here", async () => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:latest", image);
    const { pin, listPins, changes } = open(cache);
    const until = cache.clock.now() + 1000;
    const { result } = await call<"pin">(pin, { name: "node", until, note: "for the release" });
    expect(result).toEqual({
      name: "docker.io/library/node:latest",
      createdAt: cache.clock.now(),
      until,
      note: "for the release",
      present: true,
    });
    expect((await call<"listPins">(listPins, {})).result).toEqual([result]);
    expect(changes).toHaveLength(1);
  });

  test("of what is not here yet tells so", async () => {
    await using cache = await StockedCache.open();
    const { pin } = open(cache);
    const { result } = await call<"pin">(pin, { name: "node:24" });
    expect(result).toEqual({
      name: "docker.io/library/node:24",
      createdAt: cache.clock.now(),
      present: false,
    });
  });

  test("takes digests", async () => {
    await using cache = await StockedCache.open();
    await cache.addImage("node:latest", image);
    const { pin } = open(cache);
    const { result } = await call<"pin">(pin, { name: `node@${digest}` });
    expect(result).toMatchObject({ name: `docker.io/library/node@${digest}`, present: true });
  });

  test.each([
    [{ name: "No" }, "repository name must be"],
    [{ name: digest }, `NAME@${digest}`],
    [{ name: "node", note: "x".repeat(1001) }, "1000 characters"],
  ])("refuses %j", async (args, message) => {
    await using cache = await StockedCache.open();
    const { pin, listPins, changes } = open(cache);
    await expect(call<"pin">(pin, args)).rejects.toThrow(message);
    expect((await call<"listPins">(listPins, {})).result).toEqual([]);
    expect(changes).toEqual([]);
  });

  test.each([0, -1, Number.NaN])("refuses to end %d ms from now", async (ms) => {
    await using cache = await StockedCache.open();
    const { pin } = open(cache);
    const until = cache.clock.now() + ms;
    await expect(call<"pin">(pin, { name: "node", until })).rejects.toThrow("in the future");
  });
});

describe("unpin", () => {
  test("takes a pin back, by any form of its name", async () => {
    await using cache = await StockedCache.open();
    const { pin, unpin, listPins, changes } = open(cache);
    await call<"pin">(pin, { name: "node" });
    const { result } = await call<"unpin">(unpin, { name: "docker.io/library/node:latest" });
    expect(result).toEqual({ removed: true });
    expect((await call<"listPins">(listPins, {})).result).toEqual([]);
    expect(changes).toHaveLength(2);
  });

  test("tells that there was none", async () => {
    await using cache = await StockedCache.open();
    const { unpin, changes } = open(cache);
    expect((await call<"unpin">(unpin, { name: "node" })).result).toEqual({ removed: false });
    expect(changes).toEqual([]);
  });
});

describe("listPins", () => {
  test("leaves out those that have run out, which the next pin removes", async () => {
    await using cache = await StockedCache.open();
    const { pin, listPins } = open(cache);
    await call<"pin">(pin, { name: "node:1", until: cache.clock.now() + 1000 });
    await call<"pin">(pin, { name: "node:2" });
    cache.clock.advance(1000);
    const { result } = await call<"listPins">(listPins, {});
    expect(result.map(({ name }) => name)).toEqual(["docker.io/library/node:2"]);
    expect(await cache.metadata.pins.listPins()).toHaveLength(2);
    await call<"pin">(pin, { name: "node:2" });
    expect(await cache.metadata.pins.listPins()).toHaveLength(1);
  });
});
