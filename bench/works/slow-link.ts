import type { Bench } from "../bench.ts";
import { timeDownloads } from "../clients/curl.ts";
import { isAtLeast, type Section, type Values } from "../figure.ts";
import { us, type Contender } from "../peers/contender.ts";
import { BenchUpstream } from "../upstream/upstream.ts";
import type { Work } from "./work.ts";

const mib = 1024 ** 2;
const link = { roundTripMs: 100, bytesPerSecond: 4_000_000 };
const oneConnection = `${us}, one connection`;

export const slowLink: Work = {
  name: "slow-link",
  summary: "a cold blob of 200 MiB over 100 ms and 4 MB/s a connection",
  tools: ["curl"],
  run: measure,
};

/** All at once: the link is of each connection, and leaves the machine idle. */
async function measure(bench: Bench): Promise<Section> {
  await using owned = new AsyncDisposableStack();
  const upstream = owned.use(await BenchUpstream.start(bench.place, link));
  const bytes = bench.blobBytes(200);
  const [blob] = await upstream.addBlobs([bytes]);
  const alone = await bench.startMirror(owned, {
    name: oneConnection,
    upstream: `{ endpoints: ["${upstream.origin}"], connectionsPerBlob: 1 }`,
  });
  const contenders = [upstream, ...(await bench.startField(owned, upstream)), alone];
  const options = { clients: 1, bytes, signal: bench.signal };
  const times = await timeAll(contenders, (origin) =>
    timeDownloads(`${origin}${blob?.path}`, options),
  );
  const { [oneConnection]: base = NaN } = times;
  const speedUps = Object.entries(times).map(([name, seconds]) => [name, base / seconds]);
  return {
    work: "slow link",
    title: `A cold blob of ${bytes / mib} MiB over a slow link`,
    figures: [
      { what: "seconds", values: times },
      {
        what: "times one connection's speed",
        values: Object.fromEntries(speedUps),
        target: isAtLeast(3),
      },
    ],
    samples: times,
  };
}

async function timeAll(
  contenders: Contender[],
  time: (origin: string) => Promise<number>,
): Promise<Values> {
  const times = contenders.map(async ({ name, origin }) => [name, await time(origin)] as const);
  return Object.fromEntries(await Promise.all(times));
}
