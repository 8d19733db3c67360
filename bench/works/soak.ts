import { RandomSource } from "../../tests/support/random-source.ts";
import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "../bench.ts";
import { Runner } from "../clients/runner.ts";
import { publishImages, type BenchImage } from "../content/images.ts";
import { chooseByZipf } from "../content/zipf.ts";
import { isAtMost, type Figure, type Section } from "../figure.ts";
import { us, type Contender } from "../peers/contender.ts";
import { quantile } from "../quantile.ts";
import { findSlope } from "../slope.ts";
import { BenchUpstream } from "../upstream/upstream.ts";
import type { Work } from "./work.ts";

const mib = 1024 ** 2;
const runnerCount = 8;
const sampleEveryMs = 1000;
/** Of the time: until then the mirror fills its buffers, and its code is compiled. */
const warmUpPart = 1 / 3;

export const soak: Work = {
  name: "soak",
  summary: "memory over minutes of mixed work: pulls, ranges, clients that leave, eviction",
  tools: [],
  run: measure,
};

interface Tally {
  acts: number;
  bytes: number;
  errors: string[];
}

/** Six in ten blobs have no room, and tags are asked for again each second. */
async function measure(bench: Bench): Promise<Section> {
  await using owned = new AsyncDisposableStack();
  const upstream = owned.use(await BenchUpstream.start(bench.place));
  const bytes = bench.size(1024, 64) * mib;
  const images = await publishImages(upstream, { count: bench.size(200, 20), bytes });
  const mirror = await bench.startMirror(owned, {
    upstream: `{ endpoints: ["${upstream.origin}"] }`,
    settings: [
      `storage: { path: ./data, maxSize: ${Math.floor((bytes / mib) * 0.4)}MiB }`,
      "tags: { revalidateAfter: 1s }",
    ].join("\n"),
  });
  const ms = bench.size(bench.options.minutes * 60_000, 6000);
  const end = new AbortController();
  const until = end.signal;
  const over = delay(ms, undefined, { signal: bench.signal }).finally(() => end.abort());
  const tally: Tally = { acts: 0, bytes: 0, errors: [] };
  const working = Array.from({ length: runnerCount }, (_, seed) =>
    work(mirror.origin, images, { random: new RandomSource(seed), tally, until }),
  );
  const [residentMib] = await Promise.all([watchMemory(mirror, until), over, ...working]);
  const { bytes: upstreamBytes } = await upstream.counts();
  return describe({ tally, residentMib, upstreamBytes, minutes: ms / 60_000 });
}

function describe(found: {
  tally: Tally;
  residentMib: number[];
  upstreamBytes: number;
  minutes: number;
}): Section {
  const { tally, residentMib, upstreamBytes, minutes } = found;
  const warmed = residentMib.slice(Math.floor(residentMib.length * warmUpPart));
  const edge = Math.max(1, Math.floor(warmed.length / 5));
  const slope = (findSlope(warmed) * 60_000) / sampleEveryMs;
  return {
    work: "soak",
    title: `Mixed work for ${minutes} min`,
    figures: [
      row("MiB resident once warm", quantile(warmed.slice(0, edge), 0.5)),
      row("MiB at the end", quantile(warmed.slice(-edge), 0.5)),
      row("MiB at most", quantile(residentMib, 1)),
      row("MiB more a minute", slope),
      row("pulls and other acts", tally.acts),
      row("GiB to clients", tally.bytes / 1024 ** 3),
      row("GiB from upstream", upstreamBytes / 1024 ** 3),
      { ...row("errors", tally.errors.length), target: isAtMost(0) },
    ],
    samples: { residentMib, ...tally },
  };
}

function row(what: string, value: number): Figure {
  return { what, values: { [us]: value } };
}

/** MiB, each second. */
async function watchMemory({ program }: Contender, until: AbortSignal): Promise<number[]> {
  const samples: number[] = [];
  while (!until.aborted) {
    samples.push((await program.residentBytes()) / mib);
    await delay(sampleEveryMs);
  }
  return samples;
}

async function work(
  origin: string,
  images: readonly BenchImage[],
  { random, tally, until }: { random: RandomSource; tally: Tally; until: AbortSignal },
): Promise<void> {
  using runner = new Runner(origin);
  while (!until.aborted) {
    const [rank = 0] = chooseByZipf(images.length, 1, random);
    const image = images[rank];
    if (!image) throw new Error("there is no image");
    try {
      const bytes = await act(runner, image, random);
      tally.bytes += bytes;
      tally.acts += 1;
    } catch (error) {
      tally.errors.push(String(error));
    }
  }
}

/** Pulls, mostly; bytes that came. */
async function act(runner: Runner, image: BenchImage, random: RandomSource): Promise<number> {
  const blob = random.pick(image.blobs);
  const choice = random.below(10);
  if (choice === 0) {
    await runner.leaveEarly(blob);
    return 0;
  }
  if (choice === 1) return runner.pullRange(blob, random.below(blob.size));
  return runner.pull(image);
}
