import { describe, expect, test } from "@jest/globals";
import type { Traffic, TrafficStore } from "../../src/store/metadata/traffic-store.ts";
import { node, redis } from "../support/stored-content.ts";
import { makeTempDir } from "../support/temp-dir.ts";

const dayMs = 24 * 3_600_000;
const [first, second, third] = [10 * dayMs, 11 * dayMs, 12 * dayMs] as const;

function makeTraffic(given: Partial<Traffic> = {}): Traffic {
  return {
    day: first,
    repository: node,
    kind: "blob",
    outcome: "HIT",
    requests: 1,
    bytes: 100,
    ...given,
  };
}

/** Every traffic store keeps these promises. `open` may put files below `directory`. */
export function describeTrafficStore(
  name: string,
  open: (directory: string) => Promise<{ traffic: TrafficStore } & AsyncDisposable>,
): void {
  async function withTraffic(act: (traffic: TrafficStore) => Promise<void>): Promise<void> {
    await using directory = await makeTempDir();
    await using store = await open(directory.path);
    await act(store.traffic);
  }

  describe(`traffic in ${name}`, () => {
    test("is nothing at first", () =>
      withTraffic(async (traffic) => {
        expect(await traffic.sumTraffic(0)).toEqual([]);
        expect(await traffic.sumIntake(0)).toBe(0);
        expect(await traffic.listTopRepositories(0, 10)).toEqual([]);
      }));

    test("is added to what is there, over days and repositories", () =>
      withTraffic(async (traffic) => {
        await traffic.addTraffic([makeTraffic(), makeTraffic({ requests: 2, bytes: 50 })], []);
        await traffic.addTraffic([makeTraffic(), makeTraffic({ day: second })], []);
        await traffic.addTraffic([makeTraffic({ repository: redis, day: third })], []);
        await traffic.addTraffic([makeTraffic({ repository: undefined })], []);
        const all = { kind: "blob", outcome: "HIT", requests: 7, bytes: 550 };
        expect(await traffic.sumTraffic(0)).toEqual([all]);
      }));

    test("is told by kind and outcome", () =>
      withTraffic(async (traffic) => {
        const counted = [
          makeTraffic({ kind: "manifest", outcome: "STALE", requests: 3, bytes: 7 }),
          makeTraffic({ kind: "manifest", requests: 5, bytes: 11 }),
          makeTraffic({ kind: "tags", outcome: "ERROR", requests: 2, bytes: 0 }),
        ];
        await traffic.addTraffic(counted, []);
        const sums = await traffic.sumTraffic(first);
        expect(sums).toHaveLength(3);
        for (const { kind, outcome, requests, bytes } of counted) {
          expect(sums).toContainEqual({ kind, outcome, requests, bytes });
        }
      }));

    test("counts from a day on, that day included", () =>
      withTraffic(async (traffic) => {
        for (const day of [first, second, third]) {
          await traffic.addTraffic([makeTraffic({ day })], [{ day, bytes: 1000 }]);
        }
        expect(await traffic.sumTraffic(second)).toMatchObject([{ requests: 2, bytes: 200 }]);
        expect(await traffic.sumIntake(second)).toBe(2000);
        expect(await traffic.listTopRepositories(second, 10)).toEqual([
          { repository: node, requests: 2, bytes: 200 },
        ]);
        expect(await traffic.sumTraffic(third + 1)).toEqual([]);
        expect(await traffic.sumIntake(third + 1)).toBe(0);
        expect(await traffic.listTopRepositories(third + 1, 10)).toEqual([]);
      }));

    test("lists repositories by bytes, and leaves out what belongs to none", () =>
      withTraffic(async (traffic) => {
        await traffic.addTraffic(
          [
            makeTraffic({ requests: 9, bytes: 10 }),
            makeTraffic({ requests: 1, bytes: 40, outcome: "MISS", day: second }),
            makeTraffic({ repository: redis, requests: 1, bytes: 60 }),
            makeTraffic({ repository: undefined, requests: 1, bytes: 1000 }),
          ],
          [],
        );
        const busiest = { repository: redis, requests: 1, bytes: 60 };
        const next = { repository: node, requests: 10, bytes: 50 };
        expect(await traffic.listTopRepositories(0, 10)).toEqual([busiest, next]);
        expect(await traffic.listTopRepositories(0, 1)).toEqual([busiest]);
        expect(await traffic.listTopRepositories(0, 0)).toEqual([]);
      }));

    test("adds up what came from upstream", () =>
      withTraffic(async (traffic) => {
        await traffic.addTraffic(
          [],
          [
            { day: first, bytes: 1 },
            { day: first, bytes: 20 },
          ],
        );
        await traffic.addTraffic([], [{ day: first, bytes: 300 }]);
        expect(await traffic.sumIntake(first)).toBe(321);
      }));

    test("forgets the days before one", () =>
      withTraffic(async (traffic) => {
        for (const day of [first, second]) {
          await traffic.addTraffic([makeTraffic({ day })], [{ day, bytes: 1000 }]);
        }
        await traffic.deleteTrafficBefore(second);
        expect(await traffic.sumTraffic(0)).toMatchObject([{ requests: 1 }]);
        expect(await traffic.sumIntake(0)).toBe(1000);
        expect(await traffic.listTopRepositories(0, 10)).toMatchObject([{ requests: 1 }]);
      }));

    test("adds all or nothing", () =>
      withTraffic(async (traffic) => {
        const wrong = { day: first, bytes: Number.NaN };
        await expect(traffic.addTraffic([makeTraffic()], [wrong])).rejects.toThrow();
        expect(await traffic.sumTraffic(0)).toEqual([]);
        expect(await traffic.listTopRepositories(0, 10)).toEqual([]);
      }));
  });
}
