import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { BodyPace } from "../../../src/upstream/body-pace.ts";
import { readBody } from "../../../src/upstream/read-body.ts";
import { ManualClock } from "./manual-clock.ts";

const chunk = Buffer.alloc(1000);

/** A body as undici's: pushed into from outside, with room for so much. */
class PushedBody extends Readable {
  constructor() {
    super({ highWaterMark: 10_000, read: () => undefined });
    this.on("error", () => undefined);
  }

  pushMany(count: number): number {
    let accepted = 0;
    while (accepted < count && this.push(chunk)) accepted += 1;
    return accepted;
  }
}

function startBody() {
  const clock = new ManualClock();
  return { body: new PushedBody(), clock, pace: new BodyPace(clock) };
}

describe("readBody", () => {
  test("hands over each chunk at once, and ends with the body", async () => {
    const { body, pace } = startBody();
    let taken = 0;
    const reading = readBody(body, (each) => void (taken += each.length), pace);
    await nextTurn();
    body.pushMany(3);
    expect(taken).toBe(3000);
    body.push(null);
    expect(await reading).toBeUndefined();
  });

  test("hands over nothing while there is no room, and lets no more than the body's share wait", async () => {
    const { body, pace } = startBody();
    const room = Promise.withResolvers<void>();
    let taken = 0;
    const take = () => {
      taken += 1;
      return taken === 1 ? room.promise : undefined;
    };
    const reading = readBody(body, take, pace);
    await nextTurn();
    expect(body.pushMany(1000)).toBeLessThanOrEqual(10);
    await nextTurn();
    expect(taken).toBe(1);
    const waiting = body.readableLength / chunk.length;
    room.resolve();
    body.push(null);
    await reading;
    expect(taken).toBe(1 + waiting);
  });

  test("counts as waiting only the time in which there is room", async () => {
    const { body, clock, pace } = startBody();
    const room = Promise.withResolvers<void>();
    const reading = readBody(body, () => room.promise, pace);
    await nextTurn();
    clock.advance(10);
    body.push(chunk);
    clock.advance(100);
    room.resolve();
    await nextTurn();
    clock.advance(1);
    body.push(null);
    await reading;
    expect(pace.waitedMs).toBe(11);
  });

  test("tells why the body broke off, but not before there is room for what came", async () => {
    const { body, pace } = startBody();
    const room = Promise.withResolvers<void>();
    let isOver = false;
    const reading = readBody(body, () => room.promise, pace).finally(() => (isOver = true));
    await nextTurn();
    body.push(chunk);
    body.destroy(new Error("cut"));
    await nextTurn();
    expect(isOver).toBe(false);
    room.resolve();
    expect(await reading).toMatchObject({ error: { message: "cut" } });
  });

  test("knows a body that is over already", async () => {
    const { body, pace } = startBody();
    body.destroy();
    await nextTurn();
    expect(await readBody(body, () => undefined, pace)).toMatchObject({ error: expect.anything() });
  });

  test.each([
    [
      "at once",
      () => {
        throw new Error("no place");
      },
    ],
    ["later", () => Promise.reject(new Error("no place"))],
  ])("throws what its reader throws %s, and destroys the body", async (_, take) => {
    const { body, pace } = startBody();
    const reading = expect(readBody(body, take, pace)).rejects.toThrow("no place");
    await nextTurn();
    body.push(chunk);
    await reading;
    expect(body.destroyed).toBe(true);
  });
});
