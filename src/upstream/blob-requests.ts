import type { Clock } from "../clock.ts";
import { parseContentRange } from "../oci/byte-range.ts";
import type { Digest } from "../oci/digest.ts";
import { bareMediaType } from "../oci/media-type.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import type { Endpoint } from "./endpoint.ts";
import { isHeadUseless, saysAbsent, statusFailure } from "./status-failure.ts";
import { discardBody, type HttpResponse } from "./transport.ts";
import { UpstreamError } from "./upstream.ts";

export interface BlobRequest {
  repository: RepositoryName;
  digest: Digest;
  signal: AbortSignal;
  clock: Clock;
  /** Told of the blob's bytes as they come. */
  onReceived: (bytes: number) => void;
}

/** `end` undefined: to the blob's end. */
export interface WantedRange {
  start: number;
  end: number | undefined;
}

/** An answer that holds blob bytes, from which on, and of how many. */
export interface BlobResponse {
  response: HttpResponse;
  offset: number;
  size: number | undefined;
  /** In this body. */
  expectedBytes: number | undefined;
  /** Behind its last byte; undefined where only its end tells. */
  end: number | undefined;
}

/** GET of a blob or a part of it; undefined: it is not there. Throws UpstreamError. */
export async function fetchBlob(
  endpoint: Endpoint,
  request: BlobRequest,
  range: WantedRange,
): Promise<BlobResponse | undefined> {
  const { repository, digest, signal } = request;
  const response = await endpoint.fetch({
    method: "GET",
    repository,
    path: `blobs/${digest}`,
    headers: rangeHeader(range),
    isPiece: range.start > 0 && range.end !== undefined,
    signal,
  });
  if (saysAbsent(response.status, endpoint.trust)) {
    await discardBody(response);
    return undefined;
  }
  if (response.status !== 200 && response.status !== 206) {
    throw await statusFailure(response, request.clock.now());
  }
  try {
    return readBlobResponse(response, range);
  } catch (error) {
    response.body.destroy();
    throw error;
  }
}

/** By HEAD, or by GET of one byte where HEAD is refused or does not tell the length. */
export async function fetchBlobSize(
  endpoint: Endpoint,
  request: BlobRequest,
): Promise<{ size: number | undefined } | undefined> {
  const response = await send(endpoint, request, "HEAD", {});
  await discardBody(response);
  if (response.status === 404) return undefined;
  const size = readLength(response);
  // Some intermediaries say 0 to every HEAD.
  if (response.status === 200 && size) return { size };
  if (isHeadUseless(response.status)) return fetchSizeByGet(endpoint, request);
  throw await statusFailure(response, request.clock.now());
}

async function fetchSizeByGet(
  endpoint: Endpoint,
  request: BlobRequest,
): Promise<{ size: number | undefined } | undefined> {
  const response = await send(endpoint, request, "GET", { range: "bytes=0-0" });
  response.body.destroy();
  const { status, headers } = response;
  if (status === 404) return undefined;
  if (status === 206) return { size: parseContentRange(headers["content-range"])?.size };
  // There is no first byte.
  if (status === 416) return { size: 0 };
  if (status === 200) return { size: readLength(response) };
  throw await statusFailure(response, request.clock.now());
}

function send(
  endpoint: Endpoint,
  { repository, digest, signal }: BlobRequest,
  method: "GET" | "HEAD",
  headers: Record<string, string>,
): Promise<HttpResponse> {
  return endpoint.fetch({ method, repository, path: `blobs/${digest}`, headers, signal });
}

function rangeHeader({ start, end }: WantedRange): Record<string, string> {
  if (start === 0 && end === undefined) return {};
  return { range: `bytes=${start}-${end === undefined ? "" : end - 1}` };
}

function readBlobResponse(response: HttpResponse, range: WantedRange): BlobResponse {
  const { status, headers } = response;
  if (bareMediaType(headers["content-type"] ?? "") === "text/html") {
    throw invalid(response, "a web page instead of a blob");
  }
  if (status === 206) return readPartialResponse(response, range);
  const size = readLength(response);
  return { response, offset: 0, size, expectedBytes: size, end: size };
}

function readPartialResponse(response: HttpResponse, range: WantedRange): BlobResponse {
  const sent = parseContentRange(response.headers["content-range"]);
  // Some go on to the blob's end whatever end was asked for: readers stop where they want to.
  if (!sent || sent.start !== range.start) {
    throw invalid(response, "another range than was asked for");
  }
  const expectedBytes = sent.end - sent.start;
  const { start: offset, end, size } = sent;
  const isFramed = readLength(response) === expectedBytes;
  return { response, offset, size, expectedBytes, end: isFramed ? end : undefined };
}

function readLength({ headers }: HttpResponse): number | undefined {
  const text = headers["content-length"] ?? "";
  const length = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(length) ? length : undefined;
}

function invalid(response: HttpResponse, what: string): UpstreamError {
  return new UpstreamError("invalid", `${response.url.origin}: sent ${what}`);
}
