import type { Bench } from "../bench.ts";
import { timeDownloads } from "../clients/curl.ts";
import { verify } from "../clients/http.ts";
import { isAtLeastPart, isAtMostPart, type Section } from "../figure.ts";
import { interleave, mediansOf } from "../interleave.ts";
import type { Work } from "./work.ts";

const gib = 1024 ** 3;
const clients = 4;

export const warm: Work = {
  name: "warm",
  summary: `a warm blob of 512 MiB, ${clients} clients at once`,
  tools: ["curl"],
  run: measure,
};

async function measure(bench: Bench): Promise<Section> {
  const { upstream, contenders } = await bench.field();
  const bytes = bench.blobBytes(512);
  const [blob] = await upstream.addBlobs([bytes]);
  if (!blob) throw new Error("there is no blob");
  for (const { origin, program } of contenders) {
    await verify(origin + blob.path, blob.digest);
    await program.rest();
    await verify(origin + blob.path, blob.digest);
  }
  const samples = await interleave(contenders, bench.runs, async ({ origin, program }) => {
    let seconds = NaN;
    const options = { clients, bytes, signal: bench.signal };
    const cpuSeconds = await program.cpuSecondsOf(async () => {
      seconds = await timeDownloads(origin + blob.path, options);
    });
    return { mibPerSecond: (clients * bytes) / 1024 ** 2 / seconds, cpuSeconds };
  });
  const speeds = mediansOf(samples, ({ mibPerSecond }) => mibPerSecond);
  const cpu = mediansOf(samples, ({ cpuSeconds }) => (cpuSeconds * gib) / (clients * bytes));
  return {
    work: "warm blob",
    title: `A warm blob of ${bytes / 1024 ** 2} MiB, ${clients} clients`,
    figures: [
      { what: "MiB/s", values: speeds, target: isAtLeastPart(1, "nginx") },
      { what: "CPU s/GiB", values: cpu, target: isAtMostPart(1, "nginx") },
    ],
    samples,
  };
}
