import { ConnectProxy } from "../../tests/support/connect-proxy.ts";
import { SocksProxy } from "../../tests/support/socks-proxy.ts";
import type { Bench } from "../bench.ts";
import { timeDownloads } from "../clients/curl.ts";
import type { Section } from "../figure.ts";
import { interleave, mediansOf } from "../interleave.ts";
import { BenchUpstream } from "../upstream/upstream.ts";
import type { Work } from "./work.ts";

const gib = 1024 ** 3;
const mib = 1024 ** 2;

export const waysOut: Work = {
  name: "ways-out",
  summary: "a cold blob of 256 MiB through proxies, and from an endpoint that breaks off",
  tools: ["curl"],
  run: measure,
};

interface Way {
  name: string;
  /** docker.io's settings, as YAML. */
  upstream: string;
}

/** A fresh mirror each time: one that has seen an endpoint fail would avoid it. */
async function measure(bench: Bench): Promise<Section> {
  await using owned = new AsyncDisposableStack();
  const whole = owned.use(await BenchUpstream.start(bench.place));
  const breaking = owned.use(await BenchUpstream.start(bench.place, { cutAfter: 0.5 }));
  const bytes = bench.blobBytes(256);
  const [blob] = await whole.addBlobs([bytes]);
  await breaking.addBlobs([bytes]);
  const ways = await openWays(owned, whole.origin, breaking.origin);
  const samples = await interleave(ways, bench.runs, async (way) => {
    await using mine = new AsyncDisposableStack();
    const { origin, program } = await bench.startMirror(mine, way);
    let seconds = NaN;
    const cpuSeconds = await program.cpuSecondsOf(async () => {
      const options = { clients: 1, bytes, signal: bench.signal };
      seconds = await timeDownloads(`${origin}${blob?.path}`, options);
    });
    return { seconds, cpuSeconds };
  });
  const cpu = mediansOf(samples, ({ cpuSeconds }) => (cpuSeconds * gib) / bytes);
  return {
    work: "cold blob",
    title: `A cold blob of ${bytes / mib} MiB, by the way to it`,
    figures: [
      { what: "seconds", values: mediansOf(samples, ({ seconds }) => seconds) },
      { what: "CPU s/GiB", values: cpu },
    ],
    samples,
  };
}

/** The proxies are those of the tests, in this process, and resolve the registry's name. */
async function openWays(
  owned: AsyncDisposableStack,
  origin: string,
  breakingOrigin: string,
): Promise<Way[]> {
  const name = "registry.test";
  const hosts = { [name]: origin };
  const far = origin.replace("127.0.0.1", name);
  const socks = owned.use(await SocksProxy.start({ hosts }));
  const connect = owned.use(await ConnectProxy.start({ hosts }));
  return [
    { name: "no proxy", upstream: `{ endpoints: ["${origin}"] }` },
    { name: "SOCKS5", upstream: `{ endpoints: ["${far}"], proxy: "${socks.url}" }` },
    { name: "HTTP proxy", upstream: `{ endpoints: ["${far}"], proxy: "${connect.url}" }` },
    { name: "breaks off halfway", upstream: `{ endpoints: ["${breakingOrigin}", "${origin}"] }` },
  ];
}
