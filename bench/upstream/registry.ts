import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { z } from "zod";
import { UpstreamBlobs } from "./blobs.ts";
import { Journal, type PathCounts } from "./counts.ts";
import { Link, type LinkOptions } from "./link.ts";
import { UpstreamManifests } from "./manifests.ts";
import { sendBlob } from "./sending.ts";

export interface RegistryOptions extends LinkOptions {
  /** Each body of a blob is cut off after this part of the blob; 1: none is. */
  cutAfter: number;
}

const blobsToAdd = z.object({ sizes: z.array(z.number().int().min(8)) });
const manifestsToAdd = z.array(
  z.object({
    repository: z.string(),
    tag: z.string().exactOptional(),
    mediaType: z.string(),
    text: z.string(),
  }),
);

/**
 * A registry that sends from memory, counts what it is asked, and is told at /bench/… what it has.
 * A blob is in every repository.
 */
export function createRegistry(options: RegistryOptions): Server {
  const blobs = new UpstreamBlobs();
  const manifests = new UpstreamManifests();
  const journal = new Journal();
  const link = new Link(options);
  const sender = { blobs, link, cutAfter: options.cutAfter };

  const server = createServer((request, response) => {
    const { url = "" } = request;
    const answered = url.startsWith("/bench/")
      ? control(url, request, response)
      : answer(url, request, response);
    answered.catch(() => response.destroy());
  });
  server.on("connection", () => journal.noteConnection());
  return server;

  async function answer(url: string, request: IncomingMessage, response: ServerResponse) {
    await link.travel(request.socket);
    if (url === "/v2/") {
      response.end("{}");
      return;
    }
    const counts = journal.noteRequest(url, request.method);
    const [, digest = ""] = /^\/v2\/.+\/blobs\/(sha256:[0-9a-f]{64})$/.exec(url) ?? [];
    const blob = blobs.find(digest);
    if (blob) await sendBlob(sender, { request, response, counts }, { blob, digest });
    else sendManifest(url, response, counts);
  }

  function sendManifest(url: string, response: ServerResponse, counts: PathCounts): void {
    const manifest = manifests.find(url);
    if (!manifest) {
      response.writeHead(404).end();
      return;
    }
    const isHead = response.req.method === "HEAD";
    if (!isHead) counts.bytes += manifest.bytes.length;
    response.writeHead(200, {
      "Content-Type": manifest.mediaType,
      "Content-Length": manifest.bytes.length,
      "Docker-Content-Digest": manifest.digest,
    });
    response.end(isHead ? undefined : manifest.bytes);
  }

  async function control(url: string, request: IncomingMessage, response: ServerResponse) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    response.end(JSON.stringify(obey(url, text === "" ? undefined : JSON.parse(text))));
  }

  function obey(url: string, body: unknown): unknown {
    if (url === "/bench/blobs") return blobs.add(blobsToAdd.parse(body).sizes);
    if (url === "/bench/manifests") {
      for (const manifest of manifestsToAdd.parse(body)) manifests.add(manifest);
    }
    if (url === "/bench/reset") journal.reset();
    return journal.read();
  }
}
