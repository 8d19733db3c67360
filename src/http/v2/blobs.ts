import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import {
  formatContentRange,
  selectRanges,
  type ByteRange,
  type RangeSelection,
} from "../../oci/byte-range.ts";
import type { Digest } from "../../oci/digest.ts";
import { RegistryError } from "../../oci/errors.ts";
import type { BlobAnswer, BlobReader, Repository } from "../../registry/repository.ts";
import { allowsRange, matchesNone } from "../conditions.ts";
import { errorReply } from "../error-response.ts";
import type { Reply } from "../reply.ts";
import { digestHeaders, stalenessHeaders } from "./content-headers.ts";
import { multipartByteRanges } from "./multipart.ts";

type SatisfiableSelection = Exclude<RangeSelection, { kind: "unsatisfiable" }>;

const contentType = "application/octet-stream";

/** `Range` counts for GET only (RFC 9110, 14.2). */
export async function answerBlob(
  repository: Repository,
  digest: Digest,
  { method, headers: asked }: IncomingMessage,
): Promise<Reply> {
  const isUnchanged = !matchesNone(asked["if-none-match"], digest);
  if (method === "HEAD" || isUnchanged) {
    const { size, ...answer } = await repository.statBlob(digest);
    const headers = { ...blobHeaders(digest), ...stalenessHeaders(answer) };
    const whole = { ...headers, "Content-Type": contentType, "Content-Length": size };
    return isUnchanged
      ? { status: 304, headers, cache: answer.cache }
      : { status: 200, headers: whole, cache: answer.cache };
  }
  const range = allowsRange(asked["if-range"]?.toString(), digest) ? asked.range : undefined;
  return answerContent(await repository.openBlob(digest), digest, range);
}

async function answerContent(
  answer: BlobAnswer,
  digest: Digest,
  range: string | undefined,
): Promise<Reply> {
  const { reader, cache } = answer;
  const selection = selectRanges(range, reader.size);
  const reply =
    selection.kind === "unsatisfiable"
      ? await refuseRange(reader)
      : sendSelected(reader, selection);
  const headers = { ...blobHeaders(digest), ...stalenessHeaders(answer), ...reply.headers };
  return { ...reply, headers, cache };
}

async function refuseRange(reader: BlobReader): Promise<Reply> {
  await reader[Symbol.asyncDispose]();
  const reply = errorReply(new RegistryError("RANGE_INVALID", "range is outside of the blob"));
  return { ...reply, headers: { ...reply.headers, "Content-Range": `bytes */${reader.size}` } };
}

function sendSelected(reader: BlobReader, selection: SatisfiableSelection): Reply {
  const { size } = reader;
  if (selection.kind === "whole") {
    const headers = { "Content-Type": contentType, "Content-Length": size };
    return { status: 200, headers, body: { reader, parts: [{ start: 0, end: size }] } };
  }
  const { headers, parts } = selectedParts(selection.ranges, size);
  return { status: 206, headers, body: { reader, parts } };
}

function selectedParts(ranges: ByteRange[], size: number) {
  const [range] = ranges;
  if (range === undefined || ranges.length > 1) {
    return multipartByteRanges(ranges, { size, contentType });
  }
  const headers = {
    "Content-Type": contentType,
    "Content-Length": range.end - range.start,
    "Content-Range": formatContentRange(range, size),
  };
  return { headers, parts: [range] };
}

function blobHeaders(digest: Digest): OutgoingHttpHeaders {
  return {
    ...digestHeaders(digest),
    "Accept-Ranges": "bytes",
    "Cache-Control": "max-age=31536000",
  };
}
