import { describe, expect, test } from "@jest/globals";
import { ConnectionSlots, type SlotKind } from "../../../src/upstream/connection-slots.ts";

const never = new AbortController().signal;

/** Asks for slots, and writes down the order in which they come. */
class Crowd {
  readonly slots: ConnectionSlots;
  readonly served: string[] = [];
  readonly #held = new Map<string, Disposable>();

  constructor(connections: number) {
    this.slots = new ConnectionSlots(connections);
  }

  async ask(name: string, kind: SlotKind, signal = never): Promise<void> {
    this.#held.set(name, await this.slots.acquire(kind, signal));
    this.served.push(name);
  }

  async leave(name: string): Promise<void> {
    this.#held.get(name)?.[Symbol.dispose]();
    await settle();
  }
}

/** All promises that can settle without the outside have. */
async function settle(): Promise<void> {
  await new Promise(setImmediate);
}

describe("ConnectionSlots", () => {
  test.each([
    [2, 1],
    [4, 3],
    [8, 6],
    [32, 24],
  ])("of %i let layers have %i", async (connections, forBlobs) => {
    const crowd = new Crowd(connections);
    for (let index = 0; index < connections; index += 1) void crowd.ask(`blob ${index}`, "blob");
    await settle();
    expect(crowd.served).toHaveLength(forBlobs);
  });

  test("let small requests have what layers leave, all of it", async () => {
    const crowd = new Crowd(4);
    for (const name of ["a", "b", "c", "d", "e"]) void crowd.ask(name, "small");
    await settle();
    expect(crowd.served).toEqual(["a", "b", "c", "d"]);
  });

  test("serve a manifest while layers wait", async () => {
    const crowd = new Crowd(4);
    for (const name of ["a", "b", "c", "d"]) void crowd.ask(name, "blob");
    void crowd.ask("manifest", "small");
    await settle();
    expect(crowd.served).toEqual(["a", "b", "c", "manifest"]);
  });

  test("serve those that wait in their order, small requests first", async () => {
    const crowd = new Crowd(2);
    void crowd.ask("a", "blob");
    void crowd.ask("b", "small");
    void crowd.ask("c", "blob");
    void crowd.ask("d", "blob");
    void crowd.ask("e", "small");
    void crowd.ask("f", "small");
    await settle();
    for (const name of ["a", "e", "b", "c", "f"]) await crowd.leave(name);
    expect(crowd.served).toEqual(["a", "b", "e", "f", "c", "d"]);
  });

  test.each([
    [2, 0],
    [4, 2],
    [8, 4],
    [32, 18],
  ])("of %i have spare ones until blobs have %i", async (connections, expected) => {
    const slots = new ConnectionSlots(connections);
    let used = 0;
    for (; slots.hasSpare; used += 1) await slots.acquire("blob", never);
    expect(used).toBe(expected);
  });

  test("have none to spare while small requests need them, or anybody waits", async () => {
    const crowd = new Crowd(8);
    for (let index = 0; index < 8; index += 1) void crowd.ask(`small ${index}`, "small");
    await settle();
    expect(crowd.slots.hasSpare).toBe(false);
    void crowd.ask("blob", "blob");
    for (let index = 0; index < 7; index += 1) await crowd.leave(`small ${index}`);
    expect(crowd.slots.hasSpare).toBe(true);
  });

  test("forget those that give up waiting", async () => {
    const crowd = new Crowd(2);
    const controller = new AbortController();
    void crowd.ask("a", "blob");
    const waiting = expect(crowd.ask("b", "blob", controller.signal)).rejects.toThrow("enough");
    void crowd.ask("c", "blob");
    await settle();
    controller.abort(new Error("enough"));
    await waiting;
    await crowd.leave("a");
    expect(crowd.served).toEqual(["a", "c"]);
  });

  test("are not given to those that have given up already", async () => {
    const slots = new ConnectionSlots(2);
    await expect(slots.acquire("blob", AbortSignal.abort(new Error("gone")))).rejects.toThrow(
      "gone",
    );
    using slot = await slots.acquire("blob", never);
    expect(slot).toBeDefined();
  });
});
