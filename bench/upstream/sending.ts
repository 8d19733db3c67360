import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { UpstreamBlob, UpstreamBlobs } from "./blobs.ts";
import type { PathCounts } from "./counts.ts";
import type { Link } from "./link.ts";

interface Sender {
  blobs: UpstreamBlobs;
  link: Link;
  /** Each body is cut off after this part of the blob; 1: none is. */
  cutAfter: number;
}

interface Range {
  first: number;
  /** Not included. */
  end: number;
}

/** Few, so that sending costs little; not one, so that what is given up early counts as what it was. */
const stepBytes = 4 * 1024 * 1024;
const limitedStepBytes = 32 * 1024;

/** The blob, or the range of it that is asked for. */
export async function sendBlob(
  { blobs, link, cutAfter }: Sender,
  answer: { request: IncomingMessage; response: ServerResponse; counts: PathCounts },
  { blob, digest }: { blob: UpstreamBlob; digest: string },
): Promise<void> {
  const { request, response, counts } = answer;
  const range = parseRange(request.headers.range, blob.size);
  const { first, end } = range ?? { first: 0, end: blob.size };
  response.writeHead(range ? 206 : 200, {
    "Content-Type": "application/octet-stream",
    "Content-Length": end - first,
    "Accept-Ranges": "bytes",
    "Docker-Content-Digest": digest,
    ...(range && { "Content-Range": `bytes ${first}-${end - 1}/${blob.size}` }),
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  const cutAt = cutAfter < 1 ? first + Math.floor(blob.size * cutAfter) : end;
  const step = link.isLimited ? limitedStepBytes : stepBytes;
  const slices = blobs.read(blob, first, Math.min(end, cutAt), step);
  await sendSlices(slices, { request, response, counts }, link);
  if (cutAt < end) response.destroy();
  else response.end();
}

/** Two are under way at any time, so that the socket never waits for the next. */
async function sendSlices(
  slices: Iterable<Buffer>,
  { request, response, counts }: Parameters<typeof sendBlob>[1],
  link: Link,
): Promise<void> {
  const closed = once(response, "close");
  let previous: Promise<unknown> = Promise.resolve();
  for (const slice of slices) {
    await link.take(request.socket, slice.length);
    if (response.destroyed) return;
    const written = Promise.withResolvers<void>();
    response.write(slice, (error) => {
      if (!error) counts.bytes += slice.length;
      written.resolve();
    });
    await Promise.race([previous, closed]);
    previous = written.promise;
  }
  await Promise.race([previous, closed]);
}

/** undefined: all of it. */
function parseRange(header: string | undefined, size: number): Range | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined || Number(first) >= size) return undefined;
  return { first: Number(first), end: last ? Math.min(Number(last) + 1, size) : size };
}
