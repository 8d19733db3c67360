/**
 * A registry with one blob, sent from memory: `node bench/blob-upstream.ts MIB [BREAK-OFF-AFTER-MIB]`
 * prints its URL.
 */
import { createServer } from "node:http";
import { digestOf } from "../src/oci/digest.ts";
import { pseudoRandomBytes } from "../tests/support/images.ts";

const mib = 1024 * 1024;
const blob = pseudoRandomBytes(Number(process.argv[2]) * mib, "bench");
const path = `/v2/library/bench/blobs/${digestOf(blob)}`;
const end = Number(process.argv[3] ?? Infinity) * mib;

const server = createServer((request, response) => {
  if (request.url !== path) {
    response.writeHead(request.url === "/v2/" ? 200 : 404).end();
    return;
  }
  const first = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const range = { "Content-Range": `bytes ${first}-${blob.length - 1}/${blob.length}` };
  const length = { "Content-Length": blob.length - first };
  response.writeHead(first > 0 ? 206 : 200, first > 0 ? { ...length, ...range } : length);
  if (end >= blob.length) response.end(blob.subarray(first));
  else response.write(blob.subarray(first, end), () => response.destroy());
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`http://127.0.0.1:${address?.port} ${path}`);
});
