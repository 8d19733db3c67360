import { ociManifest } from "../../src/oci/media-type.ts";
import { makeManifest } from "../../tests/support/images.ts";
import type { Bench } from "../bench.ts";
import { read } from "../clients/http.ts";
import { countRequests } from "../clients/wrk.ts";
import { isAtLeastPart, type Section } from "../figure.ts";
import { interleave, mediansOf } from "../interleave.ts";
import type { Contender } from "../peers/contender.ts";
import type { BenchUpstream } from "../upstream/upstream.ts";
import type { Work } from "./work.ts";

const connections = 16;
const repository = "bench/manifests";
const tag = "latest";
const layerSizes = [31_000_000, 12_345_678, 4_000_000, 250_000, 6000, 300];

export const manifestByDigest: Work = {
  name: "manifest-digest",
  summary: `a warm manifest by digest, ${connections} connections`,
  tools: ["wrk"],
  run: (bench) => measure(bench, { by: "digest", part: 0.5 }),
};

export const manifestByTag: Work = {
  name: "manifest-tag",
  summary: `a warm manifest by tag, ${connections} connections`,
  tools: ["wrk"],
  run: (bench) => measure(bench, { by: "tag", part: 0.45 }),
};

/** `part` of nginx's speed is the target. */
async function measure(
  bench: Bench,
  { by, part }: { by: "digest" | "tag"; part: number },
): Promise<Section> {
  const { upstream, contenders } = await bench.field();
  const manifest = await addManifest(upstream);
  const path = `/v2/${repository}/manifests/${by === "tag" ? tag : manifest.digest}`;
  for (const { origin } of contenders) {
    const { bytes } = await read(origin + path, { headers: { accept: ociManifest } });
    if (!bytes.equals(manifest.bytes)) throw new Error(`${origin}${path} gave another manifest`);
  }
  const samples = await interleave(contenders, bench.runs, (each) => load(bench, each, path));
  const rates = mediansOf(samples, ({ rate }) => rate);
  const cpu = mediansOf(samples, ({ cpuSeconds, requests }) => (cpuSeconds / requests) * 1e6);
  return {
    work: `manifest by ${by}`,
    title: `A warm manifest by ${by}`,
    figures: [
      { what: "requests a second", values: rates, target: isAtLeastPart(part, "nginx") },
      { what: "CPU µs a request", values: cpu },
    ],
    samples,
  };
}

async function load(bench: Bench, { origin, program }: Contender, path: string) {
  const { signal } = bench;
  const seconds = bench.size(3, 1);
  let rate = 0;
  const cpuSeconds = await program.cpuSecondsOf(async () => {
    rate = await countRequests(origin + path, {
      connections,
      seconds,
      accept: ociManifest,
      signal,
    });
  });
  return { rate, cpuSeconds, requests: rate * seconds };
}

/** With its blobs, which docker-registry may ask for. */
async function addManifest(upstream: BenchUpstream) {
  const [config, ...layers] = await upstream.addBlobs([2000, ...layerSizes], repository);
  const describe = (mediaType: string) => (blob: typeof config) =>
    blob && { mediaType, digest: blob.digest, size: blob.size };
  const manifest = makeManifest(ociManifest, {
    config: describe("application/vnd.oci.image.config.v1+json")(config),
    layers: layers.map(describe("application/vnd.oci.image.layer.v1.tar+gzip")),
  });
  const { mediaType, bytes } = manifest;
  await upstream.addManifests([{ repository, tag, mediaType, text: bytes.toString() }]);
  return manifest;
}
