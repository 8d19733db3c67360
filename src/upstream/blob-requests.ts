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
}

/** GET of a blob or a part of it; undefined: it is not there. Throws UpstreamError. */
export async function fetchBlob(
  endpoint: Endpoint,
  request: BlobRequest,
  range: WantedRange,
): Promise<BlobResponse | undefined> {
  const response = await send(endpoint, request, "GET", formatRange(range));
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
  const response = await send(endpoint, request, "HEAD", undefined);
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
  const response = await send(endpoint, request, "GET", "bytes=0-0");
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
  range: string | undefined,
): Promise<HttpResponse> {
  const headers = range === undefined ? {} : { range };
  return endpoint.fetch({ method, repository, path: `blobs/${digest}`, headers, signal });
}

function formatRange({ start, end }: WantedRange): string | undefined {
  if (start === 0 && end === undefined) return undefined;
  return `bytes=${start}-${end === undefined ? "" : end - 1}`;
}

function readBlobResponse(response: HttpResponse, range: WantedRange): BlobResponse {
  const { status, headers } = response;
  if (bareMediaType(headers["content-type"] ?? "") === "text/html") {
    throw invalid(response, "a web page instead of a blob");
  }
  if (status === 206) return readPartialResponse(response, range);
  const size = readLength(response);
  return { response, offset: 0, size, expectedBytes: size };
}

function readPartialResponse(response: HttpResponse, range: WantedRange): BlobResponse {
  const sent = parseContentRange(response.headers["content-range"]);
  if (!sent || sent.start !== range.start || sent.end > (range.end ?? Infinity)) {
    throw invalid(response, "another range than was asked for");
  }
  const expectedBytes = sent.end - sent.start;
  return { response, offset: sent.start, size: sent.size, expectedBytes };
}

function readLength({ headers }: HttpResponse): number | undefined {
  const text = headers["content-length"] ?? "";
  const length = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(length) ? length : undefined;
}

function invalid(response: HttpResponse, what: string): UpstreamError {
  return new UpstreamError("invalid", `${response.url.origin}: sent ${what}`);
}
