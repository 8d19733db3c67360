/**
 * How fast the built mirror hands out one blob, cold and warm, beside a direct download:
 * `npm run build && node bench/blobs.ts [MiB, 256] [runs, 5]`. Clients are curl; times are theirs,
 * CPU is the serving program's. Prints medians.
 */
import { setTimeout as delay } from "node:timers/promises";
import { BlobFigures, startUpstream, withMirror } from "./blob-figures.ts";

const sizeMib = Number(process.argv[2] ?? 256);
const runs = Number(process.argv[3] ?? 5);

const figures = new BlobFigures(sizeMib);
await using upstream = await startUpstream(sizeMib);
const [origin = "", path = ""] = upstream.found;
for (let run = 0; run < runs; run += 1) {
  const direct = { server: upstream, url: origin + path, clients: 1 };
  await figures.measure("direct, clients: 1", direct);
  for (const clients of [1, 8]) {
    await withMirror(`{ endpoints: ["${origin}"] }`, async (server, mirrorOrigin) => {
      const pull = { server, url: mirrorOrigin + path, clients };
      await figures.measure(`cold, clients: ${clients}`, pull);
      // Syncing the blob to disk goes on after the last client has it.
      await delay(1000);
      await figures.measure(`warm, clients: ${clients}`, pull);
    });
  }
}
figures.print();
