import type { Bench } from "../bench.ts";
import { drain } from "../clients/http.ts";
import { readSlowly } from "../clients/slow-reader.ts";
import { isAtMost, type Section, type Values } from "../figure.ts";
import type { Contender } from "../peers/contender.ts";
import { BenchUpstream } from "../upstream/upstream.ts";
import type { Work } from "./work.ts";

const mib = 1024 ** 2;
const clientCount = 200;
const bytesPerSecond = 256 * 1024;

export const memory: Work = {
  name: "memory",
  summary: `peak memory in the works before it, and with ${clientCount} slow clients`,
  tools: [],
  run: measure,
};

async function measure(bench: Bench): Promise<Section> {
  const { contenders } = await bench.field();
  const before = await peaksOf(contenders);
  const slow = await measureSlowClients(bench);
  return {
    work: "peak memory",
    title: "Memory",
    figures: [
      { what: "MiB, works so far", values: before, target: isAtMost(160) },
      { what: `MiB, ${clientCount} slow clients`, values: slow, target: isAtMost(220) },
    ],
    samples: { before, slow },
  };
}

/** In processes of their own; all read one warm blob at once. */
async function measureSlowClients(bench: Bench): Promise<Values> {
  await using owned = new AsyncDisposableStack();
  const upstream = owned.use(await BenchUpstream.start(bench.place));
  const [blob] = await upstream.addBlobs([bench.blobBytes(512)]);
  const contenders = await bench.startField(owned, upstream);
  const seconds = bench.size(15, 5);
  for (const { origin, program } of contenders) {
    const url = `${origin}${blob?.path}`;
    await drain(url);
    await program.rest();
    const options = { bytesPerSecond, seconds, signal: bench.signal };
    await Promise.all(Array.from({ length: clientCount }, () => readSlowly(url, options)));
  }
  return await peaksOf(contenders);
}

/** MiB. */
async function peaksOf(contenders: Contender[]): Promise<Values> {
  const peaks = contenders.map(
    async ({ name, program }) => [name, (await program.peakBytes()) / mib] as const,
  );
  return Object.fromEntries(await Promise.all(peaks));
}
