import { Agent } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Bench } from "../bench.ts";
import { drain } from "../clients/http.ts";
import { watchAnswers } from "../clients/watch.ts";
import { fillStorage, pinnedRepository } from "../content/filled-storage.ts";
import type { Section } from "../figure.ts";
import { interleave, mediansOf } from "../interleave.ts";
import { waitForLines } from "../log-lines.ts";
import { makeMirrorDirectory } from "../peers/mirror.ts";
import { quantile } from "../quantile.ts";
import { BenchUpstream } from "../upstream/upstream.ts";
import type { Work } from "./work.ts";

const mib = 1024 ** 2;
const clients = 4;
const pauseMs = 4;
/** Comes in all the while. */
const coldBytes = 4 * mib;
const coldEveryMs = 250;
/** Of the blobs: so many may stay, of which the mirror leaves nine tenths. */
const keptPart = 0.55;
const reachedPart = 0.92;
const evictedLine = z.object({ msg: z.literal("evicted"), blobs: z.number(), bytes: z.number() });

type Evicted = z.output<typeof evictedLine>;

interface Case {
  name: string;
  /** YAML at the top level. */
  rules: string;
}

const cases: Case[] = [
  { name: "nothing pinned", rules: "" },
  {
    name: "every tenth pinned",
    rules: `rules: [{ match: docker.io/${pinnedRepository}, pin: true }]`,
  },
];

export const eviction: Work = {
  name: "eviction",
  summary: "manifests by digest while 10 GiB are evicted and blobs come in",
  tools: [],
  run: measure,
};

/** Blobs of 1 MiB, twice as many as there may be. Once each: what is evicted is gone. */
async function measure(bench: Bench): Promise<Section> {
  const samples = await interleave(cases, 1, (each) => evict(bench, each));
  return {
    work: "eviction",
    title: "Answers while blobs are evicted",
    figures: [
      { what: "ms of a manifest, p50", values: mediansOf(samples, (s) => quantile(s.during, 0.5)) },
      { what: "p99", values: mediansOf(samples, (s) => quantile(s.during, 0.99)) },
      { what: "longest", values: mediansOf(samples, (s) => quantile(s.during, 1)) },
      { what: "p50 at rest", values: mediansOf(samples, (s) => quantile(s.atRest, 0.5)) },
      { what: "p99 at rest", values: mediansOf(samples, (s) => quantile(s.atRest, 0.99)) },
      { what: "longest at rest", values: mediansOf(samples, (s) => quantile(s.atRest, 1)) },
      { what: "MiB evicted", values: mediansOf(samples, (s) => s.bytes / mib) },
      { what: "blobs evicted a second", values: mediansOf(samples, (s) => s.evicted / s.seconds) },
    ],
    samples,
  };
}

async function evict(bench: Bench, { rules }: Case) {
  await using owned = new AsyncDisposableStack();
  const count = bench.size(20_480, 600);
  const directory = await makeMirrorDirectory(bench.place);
  const storage = join(directory, "data");
  const blobs = { count, bytes: mib };
  const { signal } = bench;
  const paths = await fillStorage({ storage, blobs, flawedEvery: Infinity, signal });
  const upstream = owned.use(await BenchUpstream.start(bench.place));
  const { origin, program } = await bench.startMirror(owned, {
    upstream: `{ endpoints: ["${upstream.origin}"] }`,
    settings: `storage: { path: ./data, maxSize: ${Math.floor(count * keptPart)}MiB }\n${rules}`,
    directory,
  });
  const before = performance.now();
  const urls = paths.map((path) => origin + path);
  const wanted = count * mib * (1 - keptPart * reachedPart);
  const areEnough = (lines: readonly Evicted[]) => sumBytes(lines) >= wanted;
  const evicting = waitForLines(program, { line: evictedLine, areEnough, signal });
  const load = { urls, origin, upstream };
  const during = await loadUntil(evicting, load);
  const seconds = (performance.now() - before) / 1000;
  const atRest = await loadUntil(delay(bench.size(5000, 500), undefined, { signal }), load);
  const lines = await evicting;
  const evicted = lines.reduce((sum, { blobs: each }) => sum + each, 0);
  return { evicted, bytes: sumBytes(lines), seconds, during, atRest };
}

function sumBytes(lines: readonly Evicted[]): number {
  return lines.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Milliseconds of each answer. */
async function loadUntil(
  over: Promise<unknown>,
  { urls, origin, upstream }: { urls: string[]; origin: string; upstream: BenchUpstream },
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true });
  const end = new AbortController();
  const until = end.signal;
  try {
    const watched = Array.from({ length: clients }, () =>
      watchAnswers({ urls, agent, pauseMs, until }),
    );
    const incoming = bringIn(upstream, origin, until);
    const [times] = await Promise.all([
      Promise.all(watched),
      incoming,
      over.finally(() => end.abort()),
    ]);
    return times.flat();
  } finally {
    end.abort();
    agent.destroy();
  }
}

async function bringIn(upstream: BenchUpstream, origin: string, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    const [blob] = await upstream.addBlobs([coldBytes]);
    await drain(`${origin}${blob?.path}`);
    await delay(coldEveryMs);
  }
}
