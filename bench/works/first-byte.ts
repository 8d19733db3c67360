import type { Bench } from "../bench.ts";
import { timeFirstByte } from "../clients/first-byte.ts";
import { isAtMost, type Figure, type Section } from "../figure.ts";
import { interleave, mediansOf, type Samples } from "../interleave.ts";
import type { Work } from "./work.ts";

const smallBytes = 64 * 1024;

/** Not counted: a server that runs for long has compiled its code. */
const warmUps = { small: 30, large: 5 };

export const firstByte: Work = {
  name: "first-byte",
  summary: "until the first byte of a cold blob, above upstream's own",
  tools: [],
  run: measure,
};

async function measure(bench: Bench): Promise<Section> {
  const largeBytes = bench.blobBytes(64);
  const runs = { small: bench.runs * 4, large: bench.runs * 2 };
  const small = await timeBlobs(bench, smallBytes, { runs: runs.small, warmUps: warmUps.small });
  const large = await timeBlobs(bench, largeBytes, { runs: runs.large, warmUps: warmUps.large });
  return {
    work: "first byte",
    title: "The first byte of a cold blob",
    figures: [
      aboveDirect("ms above direct, 64 KiB", small),
      aboveDirect(`ms above direct, ${largeBytes / 1024 ** 2} MiB`, large),
    ],
    samples: { small, large },
  };
}

/** Milliseconds. */
async function timeBlobs(
  bench: Bench,
  bytes: number,
  { runs, warmUps: uncounted }: { runs: number; warmUps: number },
): Promise<Samples<number>> {
  const { upstream, contenders } = await bench.field();
  const all = uncounted + runs;
  const blobs = await upstream.addBlobs(Array.from({ length: all }, () => bytes));
  const options = { bytes, signal: bench.signal };
  const samples = await interleave([upstream, ...contenders], all, async (each, run) => {
    const ms = await timeFirstByte(`${each.origin}${blobs[run]?.path}`, options);
    await each.program.rest();
    return ms;
  });
  const counted = Object.entries(samples).map(([name, some]) => [name, some.slice(uncounted)]);
  return Object.fromEntries(counted);
}

function aboveDirect(what: string, samples: Samples<number>): Figure {
  const { direct = NaN, ...others } = mediansOf(samples, (ms) => ms);
  const values = Object.entries(others).map(([name, ms]) => [name, ms - direct] as const);
  return { what, values: { direct, ...Object.fromEntries(values) }, target: isAtMost(3) };
}
