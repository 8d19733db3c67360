import { createHash } from "node:crypto";
import type { Bench } from "../bench.ts";
import { timeDownloads } from "../clients/curl.ts";
import { verify } from "../clients/http.ts";
import { isAtMost, type Section, type Target } from "../figure.ts";
import { interleave, mediansOf, over, type Samples } from "../interleave.ts";
import type { Contender } from "../peers/contender.ts";
import type { BenchBlob, BenchUpstream } from "../upstream/upstream.ts";
import type { Work } from "./work.ts";

const gib = 1024 ** 3;
const mib = 1024 ** 2;
const fullMib = 256;

/** A column: what nobody who checks the digest can be faster than. */
const digestAlone = { name: "SHA-256 alone" };

interface Targets {
  overDirect: Target;
  cpu?: Target;
  downloads?: Target;
}

interface Sample {
  seconds: number;
  /** Of the server, and of upstream where it is asked directly. */
  cpuSeconds: number;
  upstreamBytes: number;
  upstreamRequests: number;
}

export const cold: Work = {
  name: "cold",
  summary: `a cold blob of ${fullMib} MiB, one client`,
  tools: ["curl"],
  run: (bench) => measure(bench, 1, { overDirect: isAtMost(1.8), cpu: isAtMost(2) }),
};

export const coldCrowd: Work = {
  name: "cold-8",
  summary: `a cold blob of ${fullMib} MiB, 8 clients at once`,
  tools: ["curl"],
  run: (bench) => measure(bench, 8, { overDirect: isAtMost(5), downloads: isAtMost(1.01) }),
};

async function measure(bench: Bench, clients: number, targets: Targets): Promise<Section> {
  const { upstream, contenders } = await bench.field();
  const bytes = bench.blobBytes(fullMib);
  const sizes = Array.from({ length: bench.runs + 1 }, () => bytes);
  const [first, ...blobs] = await upstream.addBlobs(sizes);
  // Not counted: the servers warm up, and what they send is checked.
  for (const each of contenders) await check(each, first);
  const all = [upstream, ...contenders, digestAlone];
  const samples = await interleave(all, bench.runs, async (each, run) => {
    if (!("origin" in each)) return hash(bytes);
    const options = { clients: each === upstream ? 1 : clients, bytes, signal: bench.signal };
    return pull({ upstream, each, blob: blobs[run], options });
  });
  return describe(samples, { bytes, clients, targets });
}

function hash(bytes: number): Sample {
  const chunk = Buffer.alloc(mib);
  const digest = createHash("sha256");
  const [before, cpuBefore] = [performance.now(), process.cpuUsage()];
  for (let done = 0; done < bytes; done += mib) digest.update(chunk);
  digest.digest();
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    seconds: (performance.now() - before) / 1000,
    cpuSeconds: (user + system) / 1e6,
    upstreamBytes: NaN,
    upstreamRequests: NaN,
  };
}

async function check({ origin, program }: Contender, blob: BenchBlob | undefined): Promise<void> {
  if (!blob) throw new Error("there is no blob");
  await verify(origin + blob.path, blob.digest);
  await program.rest();
}

async function pull(parts: {
  upstream: BenchUpstream;
  each: Contender;
  blob: BenchBlob | undefined;
  options: Parameters<typeof timeDownloads>[1];
}): Promise<Sample> {
  const { upstream, each, blob, options } = parts;
  if (!blob) throw new Error("there is no blob");
  await upstream.resetCounts();
  let seconds = NaN;
  const cpuSeconds = await each.program.cpuSecondsOf(async () => {
    seconds = await timeDownloads(each.origin + blob.path, options);
  });
  const { bytes: upstreamBytes, gets: upstreamRequests } = await upstream.countsOf(blob);
  return { seconds, cpuSeconds, upstreamBytes, upstreamRequests };
}

function describe(
  samples: Samples<Sample>,
  { bytes, clients, targets }: { bytes: number; clients: number; targets: Targets },
): Section {
  const seconds = mediansOf(samples, (sample) => sample.seconds);
  const cpu = mediansOf(samples, ({ cpuSeconds }) => (cpuSeconds * gib) / bytes);
  const downloads = mediansOf(samples, ({ upstreamBytes }) => upstreamBytes / bytes);
  const who = clients === 1 ? "one client" : `${clients} clients at once`;
  return {
    work: "cold blob",
    title: `A cold blob of ${bytes / mib} MiB, ${who}`,
    figures: [
      { what: "seconds", values: seconds },
      { what: "over one direct", values: over(seconds, "direct"), target: targets.overDirect },
      { what: "CPU s/GiB of the blob", values: cpu, ...(targets.cpu && { target: targets.cpu }) },
      {
        what: "upstream downloads",
        values: downloads,
        ...(targets.downloads && { target: targets.downloads }),
      },
      {
        what: "upstream requests",
        values: mediansOf(samples, ({ upstreamRequests }) => upstreamRequests),
      },
    ],
    samples,
  };
}
