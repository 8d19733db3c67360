import { describe, expect, test } from "@jest/globals";
import { Incidents } from "../../../src/upstream/incidents.ts";
import { UpstreamError } from "../../../src/upstream/upstream.ts";
import { ManualClock } from "./manual-clock.ts";
import { captureLog } from "./open-upstream.ts";

function watch(): { incidents: Incidents; clock: ManualClock; seen: () => unknown[] } {
  const clock = new ManualClock();
  const { log, lines } = captureLog();
  const seen = () =>
    lines.map((line) => {
      const { level, msg, failure, lastedMs, failedRequests } = JSON.parse(line);
      return { level, msg, failure, lastedMs, failedRequests };
    });
  return { incidents: new Incidents(log, clock), clock, seen };
}

const unreachable = new UpstreamError("unreachable", "gone");
const timeout = new UpstreamError("timeout", "slow");

describe("Incidents", () => {
  test("warns once of a trouble, and once more when it is over", () => {
    const { incidents, clock, seen } = watch();
    incidents.noteFailure(unreachable);
    clock.advance(1000);
    incidents.noteFailure(unreachable);
    incidents.noteRefusal();
    clock.advance(5000);
    incidents.noteSuccess();
    incidents.noteSuccess();
    expect(seen()).toEqual([
      { level: 40, msg: "upstream trouble", failure: "unreachable" },
      {
        level: 30,
        msg: "upstream recovered",
        failure: "unreachable",
        lastedMs: 6000,
        failedRequests: 3,
      },
    ]);
  });

  test("warns of each kind of trouble", () => {
    const { incidents, seen } = watch();
    for (const error of [unreachable, timeout, unreachable, timeout]) incidents.noteFailure(error);
    expect(seen()).toMatchObject([{ failure: "unreachable" }, { failure: "timeout" }]);
  });

  test("takes successes between failures for no recovery", () => {
    const { incidents, clock, seen } = watch();
    for (let count = 0; count < 10; count += 1) {
      incidents.noteFailure(unreachable);
      clock.advance(1000);
      incidents.noteSuccess();
    }
    expect(seen()).toHaveLength(1);
  });

  test("warns again when trouble comes back", () => {
    const { incidents, clock, seen } = watch();
    incidents.noteFailure(unreachable);
    clock.advance(5000);
    incidents.noteSuccess();
    incidents.noteFailure(unreachable);
    expect(seen()).toMatchObject([{ level: 40 }, { level: 30 }, { level: 40 }]);
  });

  test("says nothing of repositories that are refused", () => {
    const { incidents, seen } = watch();
    incidents.noteFailure(new UpstreamError("denied", "not for you"));
    expect(seen()).toEqual([]);
  });
});
