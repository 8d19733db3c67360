import type { Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { read } from "./http.ts";

interface WatchOptions {
  /** In turn. */
  urls: readonly string[];
  agent: Agent;
  pauseMs: number;
  /** Ends it. */
  until: AbortSignal;
}

/** Milliseconds that each answer took, one after the other. Throws at the first that is no success. */
export async function watchAnswers({
  urls,
  agent,
  pauseMs,
  until,
}: WatchOptions): Promise<number[]> {
  const times: number[] = [];
  while (!until.aborted) {
    const url = urls[times.length % urls.length];
    if (url === undefined) throw new Error("there is nothing to ask for");
    const before = performance.now();
    await read(url, { agent });
    times.push(performance.now() - before);
    await delay(pauseMs);
  }
  return times;
}
