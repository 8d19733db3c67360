import { createHash } from "node:crypto";
import { once } from "node:events";
import { request, type Agent, type IncomingHttpHeaders, type IncomingMessage } from "node:http";

interface RequestOptions {
  method?: "GET" | "HEAD" | "POST";
  headers?: Record<string, string>;
  /** Without it each request has a connection of its own. */
  agent?: Agent | undefined;
  body?: string;
  signal?: AbortSignal;
}

const silentForMs = 120_000;

/** Resolves with the head of the answer; the body is the caller's to consume or destroy. */
export async function open(url: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  const { method = "GET", headers = {}, agent = false, body, signal } = options;
  const asked = request(url, { method, headers, agent, ...(signal && { signal }) });
  asked.setTimeout(silentForMs, () => asked.destroy(new Error(`${url} is silent`)));
  // Who waits for the answer, or reads it, is told all the same.
  asked.on("error", () => undefined);
  asked.end(body);
  const [response]: IncomingMessage[] = await once(asked, "response");
  if (response === undefined) throw new Error("there is no response");
  return response;
}

/** Throws unless the status is 200, and unless all came that was announced. */
export async function read(
  url: string,
  options: RequestOptions = {},
): Promise<{ headers: IncomingHttpHeaders; bytes: Buffer }> {
  const response = await open(url, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  expectStatus(response, url, 200);
  return { headers: response.headers, bytes: Buffer.concat(chunks) };
}

/** Bytes of the body, which is thrown away. Throws unless the status is 200 or 206. */
export async function drain(url: string, options: RequestOptions = {}): Promise<number> {
  const response = await open(url, options);
  let received = 0;
  response.on("data", (chunk: Buffer) => (received += chunk.length));
  await once(response, "end");
  expectStatus(response, url, 200, 206);
  return received;
}

/** Throws unless what comes has this digest. */
export async function verify(url: string, digest: string): Promise<void> {
  const response = await open(url);
  const hash = createHash("sha256");
  for await (const chunk of response) hash.update(chunk);
  expectStatus(response, url, 200);
  const found = `sha256:${hash.digest("hex")}`;
  if (found !== digest) throw new Error(`${url} gave bytes of ${found}`);
}

export async function isAnswering(origin: string): Promise<boolean> {
  return read(`${origin}/v2/`).then(
    () => true,
    () => false,
  );
}

function expectStatus(response: IncomingMessage, url: string, ...expected: number[]): void {
  if (expected.includes(response.statusCode ?? 0)) return;
  throw new Error(`${url} answered ${response.statusCode}`);
}
