/**
 * How eviction treats the event loop, in a cache of many blobs of which every tenth may be pinned:
 * `node bench/eviction.ts [blobs, 200000] [to evict, 20000]`. A slice is the time for which one
 * call to the metadata store keeps all else waiting.
 */
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { pino } from "pino";
import { systemClock } from "../src/clock.ts";
import { digestHex, digestOf, type Digest } from "../src/oci/digest.ts";
import { parseNamePattern } from "../src/oci/name-pattern.ts";
import { parseRepositoryName, qualifyName } from "../src/oci/repository-name.ts";
import { Departures } from "../src/registry/departures.ts";
import { RuleBook } from "../src/registry/rule-book.ts";
import { createEviction } from "../src/registry/upkeep/eviction.ts";
import { Usage } from "../src/registry/usage.ts";
import { DiskBlobStore } from "../src/store/blob/disk-blob-store.ts";
import { SqliteMetadataStore } from "../src/store/metadata/sqlite-metadata-store.ts";
import type { UpkeepStore } from "../src/store/metadata/upkeep-store.ts";

const blobCount = Number(process.argv[2] ?? 200_000);
const evictCount = Number(process.argv[3] ?? 20_000);
const blobBytes = 1024 * 1024;
const layersPerManifest = 10;
const log = pino({ level: "silent" });
const pinned = qualifyName("docker.io", parseRepositoryName("library/pinned"));
const others = qualifyName("docker.io", parseRepositoryName("library/others"));

interface Figures {
  name: string;
  slices: number[];
  loopMs: { p50: number; p99: number; max: number };
  blobsPerSecond: number;
}

function digestOfBlob(index: number): Digest {
  return digestOf(Buffer.from(`blob ${index}`));
}

/** Every tenth manifest is of a repository that a rule may pin; layers are used in their order. */
async function fill(metadata: SqliteMetadataStore): Promise<void> {
  for (let first = 0; first < blobCount; first += layersPerManifest) {
    const layers = Array.from({ length: layersPerManifest }, (_, each) => first + each);
    const references = layers.map((index) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: digestOfBlob(index),
      size: blobBytes,
    }));
    const bytes = Buffer.from(`manifest of ${first}`);
    const manifest = {
      bytes,
      digest: digestOf(bytes),
      mediaType: "application/vnd.oci.image.manifest.v1+json",
    };
    const repository = (first / layersPerManifest) % 10 === 0 ? pinned : others;
    const at = first + 1;
    await metadata.saveManifest({ repository, manifest, references, subject: undefined, at });
    for (const { digest } of references) {
      await metadata.saveBlob(digest, { size: blobBytes, checkedAt: at }, at);
    }
  }
}

/** Only those that will go, and as sparse as can be. */
async function makeFiles(storage: string): Promise<void> {
  const count = Math.min(blobCount, Math.ceil(evictCount * 1.2));
  for (let index = 0; index < count; index += 1) {
    const hex = digestHex(digestOfBlob(index));
    const path = join(storage, "blobs/sha256", hex.slice(0, 2), hex);
    await mkdir(dirname(path), { recursive: true });
    await using file = await open(path, "w");
    await file.truncate(blobBytes);
  }
}

/** The same store, with the time that each call takes before it lets others run. */
function timed(upkeep: UpkeepStore, slices: number[]): UpkeepStore {
  return new Proxy(upkeep, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        const before = performance.now();
        const result: unknown = Reflect.apply(member, target, args);
        slices.push(performance.now() - before);
        return result;
      };
    },
  });
}

async function measure(name: string, pins: boolean): Promise<Figures> {
  const storage = await mkdtemp(join(tmpdir(), "entrepot-bench-"));
  try {
    const path = join(storage, "metadata.db");
    await using metadata = await SqliteMetadataStore.open({ path, log });
    await fill(metadata);
    await makeFiles(storage);
    return await evict(name, { storage, metadata, pins });
  } finally {
    await rm(storage, { recursive: true });
  }
}

async function evict(
  name: string,
  parts: { storage: string; metadata: SqliteMetadataStore; pins: boolean },
): Promise<Figures> {
  const { storage, metadata, pins } = parts;
  const slices: number[] = [];
  const limits = { maxBytes: Infinity, minFree: { bytes: 0 }, maxAgeMs: Infinity };
  const pattern = parseNamePattern(pinned);
  const rules = pins ? [{ pattern, place: "bench", pin: true }] : [];
  const defaults = { revalidateAfterMs: 0, serveStaleForMs: 0, maxAgeMs: Infinity };
  await using usage = new Usage({ metadata, clock: systemClock });
  const { evictor, tally } = createEviction({
    blobs: DiskBlobStore.at(storage),
    upkeep: timed(metadata.upkeep, slices),
    pins: metadata.pins,
    metadata,
    usage,
    departures: new Departures(),
    rules: new RuleBook({ rules, defaults }),
    limits,
    clock: systemClock,
    log,
  });
  await using _ = evictor;
  await tally.measureAnew();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = performance.now();
  const shortage = () => evictCount * blobBytes - tally.evictedBytes;
  await evictor.makeRoom({ reason: "bench", shortage });
  const seconds = (performance.now() - before) / 1000;
  delay.disable();
  const toMs = (percentile: number) => delay.percentile(percentile) / 1e6;
  return {
    name,
    slices,
    loopMs: { p50: toMs(50), p99: toMs(99), max: delay.max / 1e6 },
    blobsPerSecond: tally.evictedBytes / blobBytes / seconds,
  };
}

function quantile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function row(cells: string[]): string {
  const [first = "", ...rest] = cells;
  return first.padEnd(22) + rest.map((cell) => cell.padStart(11)).join("");
}

const results = [await measure("nothing pinned", false), await measure("every tenth pinned", true)];
console.log(`${evictCount} of ${blobCount} blobs evicted; milliseconds`);
const quantiles = ["p50", "p99", "max"];
console.log(
  row(["", ...quantiles.map((q) => `slice ${q}`), ...quantiles.map((q) => `loop ${q}`), "blobs/s"]),
);
for (const { name, slices, loopMs, blobsPerSecond } of results) {
  const times = [0.5, 0.99, 1].map((part) => quantile(slices, part));
  const figures = [...times, loopMs.p50, loopMs.p99, loopMs.max].map((ms) => ms.toFixed(2));
  console.log(row([name, ...figures, blobsPerSecond.toFixed(0)]));
}
