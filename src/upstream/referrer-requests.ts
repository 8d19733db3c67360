import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { bareMediaType, ociIndex } from "../oci/media-type.ts";
import type { Referrer } from "../oci/referrer.ts";
import { parseReferrers } from "../oci/referrers.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import { readBoundedBody } from "./bounded-body.ts";
import type { Endpoint } from "./endpoint.ts";
import { findNextQuery } from "./link-header.ts";
import { statusFailure } from "./status-failure.ts";
import { discardBody, type HttpResponse } from "./transport.ts";
import { UpstreamError } from "./upstream.ts";

export interface ReferrersRequest {
  repository: RepositoryName;
  subject: Digest;
  signal: AbortSignal;
  clock: Clock;
}

const maxPages = 20;
const maxBytes = 8 * 1024 * 1024;
const maxReferrers = 10_000;

/** quay answers 400 for digests that it does not know, also where it has the API switched off. */
const lackStatuses = new Set([400, 404, 405, 501]);

interface Page {
  referrers: Referrer[];
  bytes: number;
  nextQuery: string | undefined;
}

/**
 * All pages, or the first of very many. undefined: it has no referrers API. Throws UpstreamError.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export async function fetchReferrers(
  endpoint: Endpoint,
  request: ReferrersRequest,
): Promise<Referrer[] | undefined> {
  const referrers: Referrer[] = [];
  let query: string | undefined;
  let bytesLeft = maxBytes;
  for (let count = 0; count < maxPages; count += 1) {
    const page = await fetchPage(endpoint, request, query, bytesLeft);
    if (!page && count === 0) return undefined;
    if (!page)
      throw new UpstreamError("invalid", `page ${count + 1} of the referrers is not there`);
    referrers.push(...page.referrers);
    bytesLeft -= page.bytes;
    query = page.nextQuery;
    if (query === undefined || referrers.length >= maxReferrers) break;
  }
  return referrers.slice(0, maxReferrers);
}

/** undefined: this is no page of referrers. */
async function fetchPage(
  endpoint: Endpoint,
  { repository, subject, signal, clock }: ReferrersRequest,
  query: string | undefined,
  bytesLeft: number,
): Promise<Page | undefined> {
  const path = `referrers/${subject}${query === undefined ? "" : `?${query}`}`;
  const headers = { accept: ociIndex };
  const response = await endpoint.fetch({ method: "GET", repository, path, headers, signal });
  if (lackStatuses.has(response.status)) {
    await discardBody(response);
    return undefined;
  }
  if (response.status !== 200) throw await statusFailure(response, clock.now());
  return readPage(response, bytesLeft);
}

async function readPage(response: HttpResponse, bytesLeft: number): Promise<Page | undefined> {
  const body = await readBoundedBody(response, bytesLeft);
  const nextQuery = findNextQuery(response.headers["link"], response.url);
  try {
    return { referrers: parseReferrers(body), bytes: body.length, nextQuery };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const type = bareMediaType(response.headers["content-type"] ?? "");
    if (type !== ociIndex) return undefined;
    const problem = `${response.url.origin}: sent an index of referrers that is none`;
    throw new UpstreamError("invalid", problem, { cause: error });
  }
}
