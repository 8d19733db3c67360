import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import type { Program } from "./program.ts";

const pollMs = 20;
const waitMs = 300_000;

interface Awaited<Line> {
  line: z.ZodType<Line>;
  areEnough: (lines: readonly Line[]) => boolean;
  signal: AbortSignal;
}

/** Such lines of the program's JSON log, as soon as they are enough. */
export async function waitForLines<Line>(
  program: Program,
  { line, areEnough, signal }: Awaited<Line>,
): Promise<Line[]> {
  const until = performance.now() + waitMs;
  for (;;) {
    const texts = (await program.readLog()).split("\n");
    const found = texts.map((text) => line.safeParse(parse(text)));
    const lines = found.flatMap(({ success, data }) => (success ? [data] : []));
    if (areEnough(lines)) return lines;
    if (performance.now() > until) throw new Error("lines of the log did not come");
    await delay(pollMs, undefined, { signal });
  }
}

/** undefined: it is no whole line. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
