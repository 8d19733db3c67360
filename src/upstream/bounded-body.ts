import { networkFailure } from "./network-failure.ts";
import type { HttpResponse } from "./transport.ts";
import { UpstreamError } from "./upstream.ts";

/** The whole body, or UpstreamError "invalid" when there is more of it than a sound answer has. */
export async function readBoundedBody(response: HttpResponse, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) throw tooLong(response, maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    throw networkFailure(error, response.url.origin);
  }
  return Buffer.concat(chunks, length);
}

function tooLong(response: HttpResponse, maxBytes: number): UpstreamError {
  return new UpstreamError(
    "invalid",
    `${response.url.origin}: more than ${maxBytes} bytes of body`,
  );
}
