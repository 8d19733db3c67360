import { describe, expect, test } from "@jest/globals";
import { ProgressDisplay } from "../../../src/cli/progress-display.ts";
import { formatEvent, formatLive, formatReport } from "../../../src/cli/progress-lines.ts";
import { Progress } from "../../../src/cli/progress.ts";
import { systemClock } from "../../../src/clock.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import type { PrefetchProgress } from "../../../src/registry/operations/operations.ts";
import { eventually } from "../../support/wait.ts";
import { Output } from "./run-program.ts";

const mebibyte = 1024 * 1024;
const name = "docker.io/library/node:24";
const large = digestOf(Buffer.from("large"));
const small = digestOf(Buffer.from("small"));
const short = (digest: string) => digest.slice(0, 19);

type BlobEvent = Extract<PrefetchProgress, { kind: "blob" }>;

function blob(
  digest: BlobEvent["digest"],
  state: BlobEvent["state"],
  [received, size]: [number, number],
): BlobEvent {
  return {
    kind: "blob",
    name,
    digest,
    state,
    received: received * mebibyte,
    size: size * mebibyte,
  };
}

/** A name with a blob that is here and one that comes at 10 MiB/s, 4 s after its start. */
function inTheMiddle(): Progress {
  const progress = new Progress();
  progress.note({ kind: "name", name, state: "resolving" }, 0);
  progress.note(blob(large, "waiting", [0, 100]), 0);
  progress.note(blob(small, "waiting", [0, 5]), 0);
  progress.note(blob(small, "present", [5, 5]), 0);
  for (const second of [0, 1, 2, 3, 4]) {
    progress.note(blob(large, "running", [second * 10, 100]), second * 1000);
  }
  return progress;
}

describe("formatLive", () => {
  test("has a line for each name and each blob on its way", () => {
    expect(formatLive(inTheMiddle(), { width: 100, now: 4000 })).toEqual([
      `${name}  1 of 2 blobs  45MiB/105MiB  10MiB/s  6 seconds left`,
      `  ${short(large)}  [========            ]  40MiB/100MiB  10MiB/s  6 seconds left`,
    ]);
  });

  test("says less on a narrow terminal, and never has a longer line", () => {
    const progress = inTheMiddle();
    expect(formatLive(progress, { width: 62, now: 4000 })).toEqual([
      `${name}  45MiB/105MiB  6 seconds left`,
      `  ${short(large)}  40MiB/100MiB  10MiB/s  6 seconds left`,
    ]);
    expect(formatLive(progress, { width: 12, now: 4000 })).toEqual([
      "docker.io/li",
      "  40MiB/100M",
    ]);
    for (let width = 0; width < 120; width += 1) {
      const longest = formatLive(progress, { width, now: 4000 }).map((line) => line.length);
      expect(Math.max(...longest)).toBeLessThanOrEqual(width);
    }
  });

  test("tells no rate before there is one, and no time left when nothing comes", () => {
    const progress = new Progress();
    progress.note({ kind: "name", name, state: "resolving" }, 0);
    expect(formatLive(progress, { width: 100, now: 0 })).toEqual([`${name}  resolving`]);
    progress.note(blob(large, "running", [0, 100]), 0);
    const [, line] = formatLive(progress, { width: 100, now: 10 });
    expect(line).toBe(`  ${short(large)}  [                    ]  0B/100MiB`);
    const [, later] = formatLive(progress, { width: 100, now: 10_000 });
    expect(later).toBe(`  ${short(large)}  [                    ]  0B/100MiB  0B/s`);
  });

  test("goes by the last seconds", () => {
    const progress = inTheMiddle();
    for (let second = 5; second <= 20; second += 1) {
      progress.note(blob(large, "running", [40 + second - 4, 100]), second * 1000);
    }
    const [, line] = formatLive(progress, { width: 100, now: 20_000 });
    expect(line).toContain("56MiB/100MiB  1MiB/s  44 seconds left");
  });

  test("forgets what ended", () => {
    const progress = inTheMiddle();
    progress.note(blob(large, "done", [100, 100]), 10_000);
    expect(progress.running).toEqual([]);
    expect(formatLive(progress, { width: 100, now: 10_000 })).toHaveLength(1);
    progress.note({ kind: "name", name, state: "done" }, 10_000);
    expect(formatLive(progress, { width: 100, now: 10_000 })).toEqual([]);
  });

  test("counts nothing of what was here as come in", () => {
    const progress = new Progress();
    progress.note({ kind: "name", name, state: "resolving" }, 0);
    progress.note(blob(large, "waiting", [0, 100]), 0);
    progress.note(blob(small, "present", [5, 5]), 1500);
    const [line] = formatLive(progress, { width: 100, now: 2000 });
    expect(line).toBe(`${name}  1 of 2 blobs  5MiB/105MiB  0B/s`);
  });
});

describe("formatEvent", () => {
  test("has a line where a name begins or ends, and where a blob came or failed", () => {
    const progress = new Progress();
    const lines = [
      { kind: "name", name, state: "resolving" } as const,
      blob(large, "waiting", [0, 100]),
      blob(small, "waiting", [0, 5]),
      blob(small, "present", [5, 5]),
      blob(large, "running", [10, 100]),
      blob(large, "done", [100, 100]),
      { ...blob(small, "failed", [0, 5]), problem: "upstream is down\u001B[2J" },
      { kind: "name", name, state: "done" } as const,
    ].map((event) => formatEvent(event, progress.note(event, 0)));
    expect(lines).toEqual([
      `${name}: begins`,
      undefined,
      undefined,
      undefined,
      undefined,
      `${name}: ${short(large)}, 100MiB, fetched`,
      `${name}: ${short(small)} failed: upstream is down?[2J`,
      `${name}: done, 2 blobs, 105MiB`,
    ]);
  });
});

describe("formatReport", () => {
  test("tells what failed, and the sum", () => {
    const names = [
      { name, complete: true },
      { name: "docker.io/library/a:1", complete: false, problem: "manifest unknown" },
    ];
    expect(formatReport({ names, blobs: 2, fetchedBytes: 1024, presentBytes: 2048 })).toEqual([
      "docker.io/library/a:1: manifest unknown",
      "1 of 2 names complete: 2 blobs, 1KiB fetched, 2KiB here before",
    ]);
  });
});

describe("ProgressDisplay", () => {
  test("changes lines in place on a terminal, and leaves those of the names that ended", async () => {
    const stream = new Output({ isTTY: true, columns: 60 });
    {
      await using display = new ProgressDisplay({ stream, clock: systemClock });
      display.note({ kind: "name", name, state: "resolving" });
      display.note(blob(large, "running", [10, 100]));
      await eventually("a line", () => stream.text.includes("10MiB/100MiB"));
      display.note(blob(large, "running", [20, 100]));
      await eventually("a change", () => stream.text.includes("20MiB/100MiB"));
      display.note({ kind: "name", name, state: "failed", problem: "no more" });
    }
    expect(stream.text).toContain("\u001B[2K");
    expect(stream.text).toContain(`${name}: failed: no more\n`);
    expect(stream.text).not.toContain(": begins");
  });

  test("writes lines elsewhere", async () => {
    const stream = new Output();
    {
      await using display = new ProgressDisplay({ stream, clock: systemClock });
      display.note({ kind: "name", name, state: "resolving" });
      display.note(blob(large, "running", [10, 100]));
      display.note({ kind: "name", name, state: "done" });
    }
    expect(stream.text).toBe(`${name}: begins\n${name}: done, 1 blob, 100MiB\n`);
  });
});
