import { RandomSource } from "../../tests/support/random-source.ts";
import type { Bench } from "../bench.ts";
import { verify } from "../clients/http.ts";
import { Runner } from "../clients/runner.ts";
import { publishImages, type BenchImage } from "../content/images.ts";
import { chooseByZipf } from "../content/zipf.ts";
import { isAtMost, type Section } from "../figure.ts";
import { interleave, mediansOf } from "../interleave.ts";
import type { Contender } from "../peers/contender.ts";
import { quantile } from "../quantile.ts";
import { BenchUpstream } from "../upstream/upstream.ts";
import type { Work } from "./work.ts";

const mib = 1024 ** 2;
const runnerCount = 20;

interface Pulls {
  seconds: number;
  /** Of each pull. */
  times: number[];
  bytes: number;
  errors: string[];
}

export const fleet: Work = {
  name: "fleet",
  summary: `${runnerCount} runners pull a mix of 200 images, 5 GiB, from nothing`,
  tools: [],
  run: measure,
};

/** Once each, as the second time nothing is cold. */
async function measure(bench: Bench): Promise<Section> {
  await using owned = new AsyncDisposableStack();
  const upstream = owned.use(await BenchUpstream.start(bench.place));
  const contenders = [upstream, ...(await bench.startField(owned, upstream))];
  const count = bench.size(200, 20);
  const images = await publishImages(upstream, { count, bytes: bench.size(5120, 50) * mib });
  const sequence = chooseByZipf(count, bench.size(200, 60), new RandomSource(2));
  const samples = await interleave(contenders, 1, async (each) => {
    await upstream.resetCounts();
    let pulls: Pulls | undefined;
    const cpuSeconds = await each.program.cpuSecondsOf(async () => {
      pulls = await pullAll(each, images, { sequence, signal: bench.signal });
    });
    if (!pulls) throw new Error("there are no pulls");
    const { bytes: upstreamBytes } = await upstream.counts();
    await verifyImage(each, images[sequence[0] ?? 0]);
    return { ...pulls, upstreamBytes, cpuSeconds };
  });
  return {
    work: "fleet",
    title: `${sequence.length} pulls by ${runnerCount} runners, of ${count} images`,
    figures: [
      { what: "pulls a second", values: mediansOf(samples, (s) => s.times.length / s.seconds) },
      { what: "ms a pull, p50", values: mediansOf(samples, (s) => quantile(s.times, 0.5)) },
      { what: "ms a pull, p99", values: mediansOf(samples, (s) => quantile(s.times, 0.99)) },
      { what: "bytes from cache, %", values: mediansOf(samples, hitPercent) },
      { what: "MiB from upstream", values: mediansOf(samples, (s) => s.upstreamBytes / mib) },
      {
        what: "CPU s/GiB",
        values: mediansOf(samples, (s) => s.cpuSeconds / (s.bytes / 1024 ** 3)),
      },
      {
        what: "errors",
        values: mediansOf(samples, (s) => s.errors.length),
        target: isAtMost(0),
      },
    ],
    samples,
  };
}

function hitPercent({ upstreamBytes, bytes }: { upstreamBytes: number; bytes: number }): number {
  return (1 - upstreamBytes / bytes) * 100;
}

/** Each runner takes the next of the sequence when it is done with one. */
async function pullAll(
  { origin }: Contender,
  images: readonly BenchImage[],
  { sequence, signal }: { sequence: readonly number[]; signal: AbortSignal },
): Promise<Pulls> {
  const pulls: Pulls = { seconds: 0, times: [], bytes: 0, errors: [] };
  const left = sequence.map((rank) => images[rank]);
  const run = async (): Promise<void> => {
    for (let image = left.shift(); image; image = left.shift()) {
      signal.throwIfAborted();
      await pullOnce(origin, image, pulls);
    }
  };
  const before = performance.now();
  await Promise.all(Array.from({ length: runnerCount }, run));
  pulls.seconds = (performance.now() - before) / 1000;
  return pulls;
}

async function pullOnce(origin: string, image: BenchImage, pulls: Pulls): Promise<void> {
  using runner = new Runner(origin);
  const before = performance.now();
  try {
    const bytes = await runner.pull(image);
    pulls.bytes += bytes;
    pulls.times.push(performance.now() - before);
  } catch (error) {
    pulls.errors.push(String(error));
  }
}

async function verifyImage({ origin }: Contender, image: BenchImage | undefined): Promise<void> {
  for (const { path, digest } of image?.blobs ?? []) await verify(origin + path, digest);
}
