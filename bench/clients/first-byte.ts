import { once } from "node:events";
import { open } from "./http.ts";

/** Milliseconds until the first byte of the body is here; takes the rest, too. */
export async function timeFirstByte(
  url: string,
  { bytes, signal }: { bytes: number; signal: AbortSignal },
): Promise<number> {
  const before = performance.now();
  const response = await open(url, { signal });
  let received = 0;
  let firstAfterMs = Infinity;
  response.on("data", (chunk: Buffer) => {
    if (received === 0) firstAfterMs = performance.now() - before;
    received += chunk.length;
  });
  await once(response, "end");
  if (response.statusCode !== 200 || received !== bytes) {
    throw new Error(`${url} gave ${received} bytes of ${bytes}, status ${response.statusCode}`);
  }
  return firstAfterMs;
}
