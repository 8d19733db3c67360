import {
  fetchBlob,
  type BlobRequest,
  type BlobResponse,
  type WantedRange,
} from "./blob-requests.ts";
import { BodyPace } from "./body-pace.ts";
import type { Endpoint } from "./endpoint.ts";
import { networkFailure } from "./network-failure.ts";
import { UpstreamError, type RemoteBlob } from "./upstream.ts";

/** A blob as one endpoint sends it. */
export interface EndpointBlob extends RemoteBlob {
  readonly endpoint: Endpoint;
  readonly pace: BodyPace;
}

/** undefined: it is not there. Holds the connection slot until the body is at its end, failed or closed. */
export async function openRemoteBlob(
  endpoint: Endpoint,
  request: BlobRequest,
  range: WantedRange,
  slot: DisposableStack,
): Promise<EndpointBlob | undefined> {
  const blob = await fetchBlob(endpoint, request, range);
  if (!blob) return undefined;
  const heldSlot = slot.move();
  blob.response.body.once("close", () => heldSlot.dispose());
  return new HttpBlob(endpoint, blob, request);
}

class HttpBlob implements EndpointBlob {
  readonly offset: number;
  readonly size: number | undefined;
  readonly endpoint: Endpoint;
  readonly endpoints: readonly string[];
  readonly isVouched: boolean;
  readonly pace: BodyPace;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly #blob: BlobResponse;
  readonly #request: BlobRequest;
  #isClosed = false;

  constructor(endpoint: Endpoint, blob: BlobResponse, request: BlobRequest) {
    this.#blob = blob;
    this.#request = request;
    this.offset = blob.offset;
    this.size = blob.size;
    this.endpoint = endpoint;
    this.endpoints = [endpoint.name];
    this.isVouched = endpoint.trust === "full";
    this.pace = new BodyPace(request.clock);
    this.chunks = this.#readChunks();
  }

  close(): void {
    this.#isClosed = true;
    this.#blob.response.body.destroy();
  }

  /** As they come from the socket, counted. */
  async *#readChunks(): AsyncGenerator<Uint8Array, void> {
    const { response, expectedBytes = Infinity } = this.#blob;
    const { pace } = this;
    try {
      pace.beginWait();
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        pace.endWait(chunk.length);
        this.#request.onReceived(chunk.length);
        if (pace.bytes > expectedBytes) throw this.#broken("invalid", "sent more than it promised");
        yield chunk;
        pace.beginWait();
      }
      if (pace.bytes < expectedBytes && expectedBytes !== Infinity) {
        throw this.#broken("unreachable", `ended early, after ${pace.bytes} bytes`);
      }
    } catch (error) {
      throw this.#judge(error);
    } finally {
      pace.endWait();
      this.endpoint.health.noteBody(pace.bytes, pace.waitedMs);
    }
  }

  /** Whose fault it is that no more bytes come. */
  #judge(error: unknown): UpstreamError {
    this.#request.signal.throwIfAborted();
    if (this.#isClosed) return this.#broken("unreachable", "closed while it was read");
    const failure = networkFailure(error, this.#blob.response.url.origin);
    this.endpoint.noteBrokenBody(failure);
    return failure;
  }

  #broken(failure: "invalid" | "unreachable", what: string): UpstreamError {
    return new UpstreamError(failure, `${this.#blob.response.url.origin}: ${what}`);
  }
}
