/**
 * What the way to a cold blob costs: proxies, and endpoints that fail on the way:
 * `npm run build && node bench/ways-out.ts [MiB, 256] [runs, 5]`. The proxies are those of the tests,
 * in this process, and resolve the registry's name. Prints medians.
 */
import { BlobFigures, startUpstream, withMirror } from "./blob-figures.ts";
import { ConnectProxy } from "../tests/support/connect-proxy.ts";
import { SocksProxy } from "../tests/support/socks-proxy.ts";

const sizeMib = Number(process.argv[2] ?? 256);
const runs = Number(process.argv[3] ?? 5);

const figures = new BlobFigures(sizeMib);
await using upstream = await startUpstream(sizeMib);
await using dying = await startUpstream(sizeMib, String(sizeMib / 2));
const [origin = "", path = ""] = upstream.found;
const [dyingOrigin = ""] = dying.found;
const name = "registry.test";
const far = origin.replace("127.0.0.1", name);
const hosts = { [name]: origin };
await using socks = await SocksProxy.start({ hosts });
await using connect = await ConnectProxy.start({ hosts });

const ways: [string, string][] = [
  ["direct", `{ endpoints: ["${origin}"] }`],
  ["through a SOCKS5 proxy", `{ endpoints: ["${far}"], proxy: "${socks.url}" }`],
  ["through an HTTP proxy", `{ endpoints: ["${far}"], proxy: "${connect.url}" }`],
  ["first endpoint breaks off halfway", `{ endpoints: ["${dyingOrigin}", "${origin}"] }`],
];
for (let run = 0; run < runs; run += 1) {
  for (const [way, settings] of ways) {
    await withMirror(settings, async (server, mirrorOrigin) => {
      await figures.measure(way, { server, url: mirrorOrigin + path, clients: 1 });
    });
  }
}
figures.print();
