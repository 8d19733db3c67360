import type { Clock } from "../../clock.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { fetchBlob, type BlobRequest, type BlobResponse } from "../blob-requests.ts";
import type { Endpoint } from "../endpoint.ts";
import { networkFailure } from "../network-failure.ts";
import type { Attempt } from "./probe-trail.ts";
import { UpstreamError } from "../upstream.ts";

interface BlobProbeRequest extends Omit<BlobRequest, "digest"> {
  blob: Descriptor;
}

/** Of a blob that is larger, only so much is read. */
const maxReadBytes = 64 * 1024;

/** Reads the first bytes of a blob: from where they come, how fast, and whether ranges work. */
export async function probeBlob(
  endpoint: Endpoint,
  { blob, ...request }: BlobProbeRequest,
): Promise<Attempt<undefined>> {
  // A part of it, even if it is small: of the whole, a range is often sent as if none was asked for.
  const end = Math.min(maxReadBytes, Math.max(1, blob.size - 1));
  const begunAt = request.clock.monotonic();
  const range = { start: 0, end };
  const response = await fetchBlob(endpoint, { ...request, digest: blob.digest }, range);
  if (!response) return describeAbsence(endpoint, blob);
  const firstByteMs = Math.round(request.clock.monotonic() - begunAt);
  const { bytes, ms } = await readBytes(response, end, request.clock);
  const { status, url } = response.response;
  const ranges =
    status === 206
      ? "ranges work"
      : "ranges are ignored, so that a download that breaks off begins anew";
  const pace = `${bytes} bytes of ${blob.size} in ${firstByteMs + ms} ms`;
  const speed = ms > 0 && bytes === maxReadBytes ? `, ${Math.round(bytes / ms)} kB/s` : "";
  return { message: `${pace}${speed} from ${url.origin}; ${ranges}`, value: undefined };
}

function describeAbsence(endpoint: Endpoint, { digest }: Descriptor): Attempt<undefined> {
  const absence = `blob ${digest} is not there`;
  if (endpoint.trust === "full") throw new UpstreamError("invalid", absence);
  return { outcome: "skipped", message: `${absence}: others are asked for it`, value: undefined };
}

async function readBytes(
  { response }: BlobResponse,
  wanted: number,
  clock: Clock,
): Promise<{ bytes: number; ms: number }> {
  const begunAt = clock.monotonic();
  const { body, url } = response;
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes >= wanted) break;
    }
  } catch (error) {
    throw networkFailure(error, url.origin);
  }
  if (bytes < wanted) {
    const message = `${url.origin}: ended after ${bytes} of ${wanted} bytes`;
    throw new UpstreamError("unreachable", message);
  }
  return { bytes: Math.min(bytes, wanted), ms: Math.round(clock.monotonic() - begunAt) };
}
