/**
 * How long the built mirror takes from its start to its first answer, and what the sweep after it
 * costs, with many blobs in the storage: `npm run build && node bench/start.ts [blobs, 200000]`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { digestHex, digestOf, type Digest } from "../src/oci/digest.ts";
import { SqliteMetadataStore } from "../src/store/metadata/sqlite-metadata-store.ts";

const count = Number(process.argv[2] ?? 200_000);
const blobsAtOnce = 1000;
const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));

interface SweepLine {
  blobs: number;
  orphans: number;
  droppedRecords: number;
  ms: number;
}

/** Small blobs with their records, one in a thousand without its file and one without its record. */
async function fillStorage(storage: string): Promise<void> {
  const log = pino({ level: "silent" });
  const path = join(storage, "metadata.db");
  await using metadata = await SqliteMetadataStore.open({ path, log });
  await metadata.finishRebuild();
  for (let prefix = 0; prefix < 256; prefix += 1) {
    const name = prefix.toString(16).padStart(2, "0");
    await mkdir(join(storage, "blobs/sha256", name), { recursive: true });
  }
  for (let at = 0; at < count; at += blobsAtOnce) {
    const length = Math.min(blobsAtOnce, count - at);
    const texts = Array.from({ length }, (_, index) => `blob ${at + index}`);
    const blobs = texts.map((text) => ({ text, digest: digestOf(Buffer.from(text)) }));
    await Promise.all(
      blobs.slice(1).map(({ text, digest }) => writeFile(fileOf(storage, digest), text)),
    );
    const now = Date.now();
    for (const { text, digest } of blobs.slice(0, -1)) {
      await metadata.saveBlob(digest, { size: text.length, checkedAt: now }, now);
    }
  }
}

function fileOf(storage: string, digest: Digest): string {
  const hex = digestHex(digest);
  return join(storage, "blobs/sha256", hex.slice(0, 2), hex);
}

async function ping(url: string): Promise<void> {
  const request = get(`${url}/v2/`);
  const [response] = await once(request, "response");
  response.resume();
  await once(response, "end");
}

/** How long answers take until `until` resolves. */
async function watch(url: string, until: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const end = new AbortController();
  const over = until.then(() => end.abort());
  while (!end.signal.aborted) {
    const before = performance.now();
    await ping(url);
    times.push(performance.now() - before);
    await delay(1);
  }
  await over;
  return times.toSorted((a, b) => a - b);
}

async function measure(config: string): Promise<void> {
  const before = performance.now();
  const child = spawn(process.execPath, [main, "serve", "--config", config], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const listening = Promise.withResolvers<string>();
  const swept = Promise.withResolvers<SweepLine>();
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text);
    if (typeof line.url === "string") listening.resolve(line.url);
    if (line.msg === "storage swept") swept.resolve(line);
  });
  const exited = once(child, "exit");
  try {
    const url = await listening.promise;
    await ping(url);
    console.log(`first answer        ${(performance.now() - before).toFixed(0)} ms`);
    const times = await watch(url, swept.promise);
    const { blobs, orphans, droppedRecords, ms } = await swept.promise;
    const at = (share: number) => (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(1);
    console.log(`sweep               ${ms} ms: ${blobs} blobs, ${orphans} orphans,`);
    console.log(`                    ${droppedRecords} records without a file`);
    console.log(`answers meanwhile   ${times.length}: median ${at(0.5)} ms, 99 % ${at(0.99)} ms,`);
    console.log(`                    longest ${at(1)} ms`);
  } finally {
    child.kill();
    await exited;
  }
}

const directory = await mkdtemp(join(tmpdir(), "entrepot-bench-"));
try {
  const config = join(directory, "mirror.yaml");
  const storage = join(directory, "data");
  const lines = ["server: { listen: 127.0.0.1:0 }", "log: { format: json }"];
  await writeFile(config, [...lines, `storage: { path: ${storage} }`].join("\n"));
  await mkdir(storage);
  await fillStorage(storage);
  console.log(`${count} blobs`);
  await measure(config);
} finally {
  await rm(directory, { recursive: true });
}
