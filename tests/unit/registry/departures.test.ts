import { describe, expect, test } from "@jest/globals";
import { Departures } from "../../../src/registry/departures.ts";
import { makeBlob } from "../../support/images.ts";

const { digest } = makeBlob(1);
const other = makeBlob(2).digest;

describe("Departures", () => {
  test("hold up who waits for a digest until its removal is over", async () => {
    const departures = new Departures();
    const gate = Promise.withResolvers<void>();
    const events: string[] = [];
    const removal = departures.during([digest], async () => {
      await gate.promise;
      events.push("removed");
    });
    const waiting = departures.settled(digest).then(() => events.push("went on"));
    await departures.settled(other);
    expect([departures.has(digest), departures.has(other), events]).toEqual([true, false, []]);
    gate.resolve();
    await Promise.all([removal, waiting]);
    expect(events).toEqual(["removed", "went on"]);
    expect(departures.has(digest)).toBe(false);
  });

  test("give a digest to one removal only", async () => {
    const departures = new Departures();
    await departures.during([digest], async (outer) => {
      await departures.during([digest, other], async (inner) => {
        expect([[...outer], [...inner]]).toEqual([[digest], [other]]);
      });
      expect(departures.has(digest)).toBe(true);
    });
  });

  test("are over when a removal fails", async () => {
    const departures = new Departures();
    const failing = departures.during([digest], () => Promise.reject(new Error("it burns")));
    const settled = departures.allSettled();
    await expect(failing).rejects.toThrow("it burns");
    await settled;
    expect(departures.has(digest)).toBe(false);
  });
});
