import {
  fetchBlob,
  type BlobRequest,
  type BlobResponse,
  type WantedRange,
} from "./blob-requests.ts";
import type { Endpoint } from "./endpoint.ts";
import { networkFailure } from "./network-failure.ts";
import { UpstreamError, type RemoteBlob } from "./upstream.ts";

/** Holds the connection slot until the body is at its end, failed or closed. */
export async function openRemoteBlob(
  endpoint: Endpoint,
  request: BlobRequest,
  range: WantedRange,
  slot: DisposableStack,
): Promise<RemoteBlob | undefined> {
  const blob = await fetchBlob(endpoint, request, range);
  if (!blob) return undefined;
  const heldSlot = slot.move();
  blob.response.body.once("close", () => heldSlot.dispose());
  return new HttpBlob(endpoint, blob, request);
}

class HttpBlob implements RemoteBlob {
  readonly offset: number;
  readonly size: number | undefined;
  readonly endpoint: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly #source: Endpoint;
  readonly #blob: BlobResponse;
  readonly #request: BlobRequest;
  #isClosed = false;

  constructor(source: Endpoint, blob: BlobResponse, request: BlobRequest) {
    this.#source = source;
    this.#blob = blob;
    this.#request = request;
    this.offset = blob.offset;
    this.size = blob.size;
    this.endpoint = source.name;
    this.chunks = this.#readChunks();
  }

  close(): void {
    this.#isClosed = true;
    this.#blob.response.body.destroy();
  }

  /** As they come from the socket, counted. */
  async *#readChunks(): AsyncGenerator<Uint8Array, void> {
    const { response, expectedBytes = Infinity } = this.#blob;
    let received = 0;
    try {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        received += chunk.length;
        this.#request.onReceived(chunk.length);
        if (received > expectedBytes) throw this.#broken("invalid", "sent more than it promised");
        yield chunk;
      }
      if (received < expectedBytes && expectedBytes !== Infinity) {
        throw this.#broken("unreachable", `ended early, after ${received} bytes`);
      }
    } catch (error) {
      throw this.#judge(error);
    }
  }

  /** Whose fault it is that no more bytes come. */
  #judge(error: unknown): UpstreamError {
    this.#request.signal.throwIfAborted();
    if (this.#isClosed) return this.#broken("unreachable", "closed while it was read");
    const failure = networkFailure(error, this.#blob.response.url.origin);
    this.#source.noteBrokenBody(failure);
    return failure;
  }

  #broken(failure: "invalid" | "unreachable", what: string): UpstreamError {
    return new UpstreamError(failure, `${this.#blob.response.url.origin}: ${what}`);
  }
}
