import { createHash } from "node:crypto";
import { once } from "node:events";
import { request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { createServer } from "node:net";

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("a TCP server without a port");
  server.close();
  await once(server, "close");
  return address.port;
}

/** A request whose answer's body is still to be read. Rejects when nobody answers. */
export function send(
  url: string,
  method = "GET",
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers, agent: false });
    req.once("response", resolve).once("error", reject).end();
  });
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** GET, for bodies that are not large. */
export async function ask(url: string, headers: Record<string, string> = {}): Promise<Reply> {
  const res = await send(url, "GET", headers);
  const chunks: Buffer[] = [];
  for await (const chunk of res as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) };
}

export interface Download {
  status: number;
  cache: string | undefined;
  bytes: number;
  /** Of the body. */
  digest: string;
}

/** Reads a body to its end; rejects when it is cut off. */
async function receive(res: IncomingMessage): Promise<Download> {
  const hasher = createHash("sha256");
  let bytes = 0;
  for await (const chunk of res as AsyncIterable<Buffer>) {
    hasher.update(chunk);
    bytes += chunk.length;
  }
  const cache = res.headers["x-cache"];
  return {
    status: res.statusCode ?? 0,
    cache: typeof cache === "string" ? cache : undefined,
    bytes,
    digest: `sha256:${hasher.digest("hex")}`,
  };
}

export async function download(url: string): Promise<Download> {
  return receive(await send(url));
}
