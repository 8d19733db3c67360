import { describe, expect, test } from "@jest/globals";
import { EndpointStanding } from "../../../src/upstream/endpoint-standing.ts";
import { ManualClock } from "./manual-clock.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

function start(trust: "full" | "content") {
  const clock = new ManualClock();
  return { clock, standing: new EndpointStanding(trust, clock) };
}

describe("a content endpoint that lies", () => {
  test("is not asked for ten minutes, and twice as long each time that it goes on", () => {
    const { clock, standing } = start("content");
    const bans: (number | undefined)[] = [];
    for (let count = 0; count < 10; count += 1) {
      const bannedMs = standing.noteLie()?.bannedMs ?? 0;
      bans.push(bannedMs / minute);
      clock.advance(bannedMs - 1);
      expect(standing.isBanned).toBe(true);
      clock.advance(1);
      expect(standing.isBanned).toBe(false);
    }
    expect(bans).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]);
  });

  test("is not blamed twice for what was on its way", () => {
    const { clock, standing } = start("content");
    standing.noteLie();
    expect(standing.noteLie()).toBeUndefined();
    clock.advance(10 * minute);
    expect(standing.isBanned).toBe(false);
    expect(standing.noteLie()).toEqual({ bannedMs: 20 * minute });
  });

  test("begins anew after a day without a lie", () => {
    const { clock, standing } = start("content");
    standing.noteLie();
    clock.advance(10 * minute + day + 1);
    expect(standing.noteLie()).toEqual({ bannedMs: 10 * minute });
  });
});

describe("an endpoint of full trust", () => {
  test("that lies is asked last for a minute, and never not at all", () => {
    const { clock, standing } = start("full");
    expect(standing.noteLie()).toBeUndefined();
    expect(standing).toMatchObject({
      isBanned: false,
      goesLast: true,
      complaint: "distrusted",
    });
    clock.advance(minute);
    expect(standing).toMatchObject({ goesLast: false, complaint: undefined });
  });

  test.each([
    ["sent nonsense", "noteNonsense", minute, "distrusted"],
    ["was slow", "noteSlow", minute, "slow"],
    ["broke a body off", "noteBrokenBody", minute / 2, undefined],
  ] as const)("that %s is asked last for a while", (_, note, lastsMs, complaint) => {
    const { clock, standing } = start("full");
    standing[note]();
    expect(standing).toMatchObject({ isBanned: false, goesLast: true, complaint });
    clock.advance(lastsMs);
    expect(standing).toMatchObject({ goesLast: false, complaint: undefined });
  });
});
