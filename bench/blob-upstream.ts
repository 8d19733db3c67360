/** A registry with one blob, sent from memory: `node bench/blob-upstream.ts MIB` prints its URL. */
import { createServer } from "node:http";
import { digestOf } from "../src/oci/digest.ts";
import { pseudoRandomBytes } from "../tests/support/images.ts";

const blob = pseudoRandomBytes(Number(process.argv[2]) * 1024 * 1024, "bench");
const path = `/v2/library/bench/blobs/${digestOf(blob)}`;

const server = createServer((request, response) => {
  if (request.url !== path) {
    response.writeHead(request.url === "/v2/" ? 200 : 404).end();
    return;
  }
  const first = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const range = { "Content-Range": `bytes ${first}-${blob.length - 1}/${blob.length}` };
  const length = { "Content-Length": blob.length - first };
  response.writeHead(first > 0 ? 206 : 200, first > 0 ? { ...length, ...range } : length);
  response.end(blob.subarray(first));
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`http://127.0.0.1:${address?.port} ${path}`);
});
