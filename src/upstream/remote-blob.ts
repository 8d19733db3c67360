import {
  fetchBlob,
  type BlobRequest,
  type BlobResponse,
  type WantedRange,
} from "./blob-requests.ts";
import { BodyPace } from "./body-pace.ts";
import type { Endpoint } from "./endpoint.ts";
import { networkFailure } from "./network-failure.ts";
import { readBody } from "./read-body.ts";
import { UpstreamError, type RemoteBlob, type TakeChunk } from "./upstream.ts";

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
  readonly end: number | undefined;
  readonly size: number | undefined;
  readonly endpoint: Endpoint;
  readonly endpoints: readonly string[];
  readonly isVouched: boolean;
  readonly pace: BodyPace;
  readonly #blob: BlobResponse;
  readonly #request: BlobRequest;
  #isClosed = false;

  constructor(endpoint: Endpoint, blob: BlobResponse, request: BlobRequest) {
    this.#blob = blob;
    this.#request = request;
    this.offset = blob.offset;
    this.end = blob.end;
    this.size = blob.size;
    this.endpoint = endpoint;
    this.endpoints = [endpoint.name];
    this.isVouched = endpoint.trust === "full";
    this.pace = new BodyPace(request.clock);
  }

  close(): void {
    this.#isClosed = true;
    this.#blob.response.body.destroy();
  }

  async readTo(take: TakeChunk): Promise<void> {
    const { response, expectedBytes = Infinity } = this.#blob;
    const { pace } = this;
    const takeCounted: TakeChunk = (chunk) => {
      pace.add(chunk.length);
      this.#request.onReceived(chunk.length);
      if (pace.bytes > expectedBytes) {
        throw this.#judge(this.#broken("invalid", "sent more than it promised"));
      }
      return take(chunk);
    };
    try {
      const cut = await readBody(response.body, takeCounted, pace);
      if (cut) throw this.#judge(cut.error);
      if (pace.bytes < expectedBytes && expectedBytes !== Infinity) {
        throw this.#judge(this.#broken("unreachable", `ended early, after ${pace.bytes} bytes`));
      }
    } finally {
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
