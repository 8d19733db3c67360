import { Agent } from "node:http";
import { join } from "node:path";
import { z } from "zod";
import type { Bench } from "../bench.ts";
import { watchAnswers } from "../clients/watch.ts";
import { fillStorage } from "../content/filled-storage.ts";
import type { Section } from "../figure.ts";
import { interleave, mediansOf } from "../interleave.ts";
import { waitForLines } from "../log-lines.ts";
import { makeMirrorDirectory } from "../peers/mirror.ts";
import { quantile } from "../quantile.ts";
import type { Work } from "./work.ts";

const sweepLine = z.object({ msg: z.literal("storage swept"), ms: z.number() });
/** Nothing is asked of it. */
const upstream = '{ endpoints: ["http://127.0.0.1:9"] }';

export const start: Work = {
  name: "start",
  summary: "from the start to the first answer, with 200,000 blobs in the storage",
  tools: [],
  run: measure,
};

async function measure(bench: Bench): Promise<Section> {
  const storages = [];
  for (const count of [1000, bench.size(200_000, 3000)]) {
    const directory = await makeMirrorDirectory(bench.place);
    const storage = join(directory, "data");
    const blobs = { count, bytes: 100 };
    await fillStorage({ storage, blobs, flawedEvery: 1000, signal: bench.signal });
    storages.push({ name: `${count.toLocaleString("en")} blobs`, directory });
  }
  const samples = await interleave(storages, bench.runs, ({ directory }) =>
    startOnce(bench, directory),
  );
  return {
    work: "start",
    title: "Start",
    figures: [
      { what: "ms to the first answer", values: mediansOf(samples, (s) => s.firstAnswerMs) },
      { what: "ms of the sweep after it", values: mediansOf(samples, (s) => s.sweepMs) },
      {
        what: "ms of an answer meanwhile, p50",
        values: mediansOf(samples, (s) => quantile(s.answersMs, 0.5)),
      },
      { what: "p99", values: mediansOf(samples, (s) => quantile(s.answersMs, 0.99)) },
      { what: "longest", values: mediansOf(samples, (s) => quantile(s.answersMs, 1)) },
    ],
    samples,
  };
}

/** The first start finds the flaws; each one looks at all files. */
async function startOnce(bench: Bench, directory: string) {
  await using owned = new AsyncDisposableStack();
  const before = performance.now();
  const { origin, program } = await bench.startMirror(owned, { upstream, directory });
  const firstAnswerMs = performance.now() - before;
  const agent = new Agent({ keepAlive: true });
  owned.defer(() => agent.destroy());
  const isSwept = new AbortController();
  const { signal } = bench;
  const sweeping = waitForLines(program, { line: sweepLine, areEnough: isThere, signal });
  const swept = sweeping.finally(() => isSwept.abort());
  const urls = [`${origin}/v2/`];
  const watching = watchAnswers({ urls, agent, pauseMs: 1, until: isSwept.signal });
  const [[sweep], answersMs] = await Promise.all([swept, watching]);
  return { firstAnswerMs, sweepMs: sweep?.ms ?? NaN, answersMs };
}

function isThere(lines: readonly unknown[]): boolean {
  return lines.length > 0;
}
