import { parseRetryAfter } from "./retry-after.ts";
import { discardBody, type HttpResponse } from "./transport.ts";
import { UpstreamError, type UpstreamFailure } from "./upstream.ts";

/** What an answer means that is neither content nor 404; reads its body away. */
export async function statusFailure(response: HttpResponse, now: number): Promise<UpstreamError> {
  await discardBody(response);
  const { status, headers, url } = response;
  const retryAfterMs = parseRetryAfter(headers["retry-after"], now);
  return new UpstreamError(failureOfStatus(status), `${url.origin}: status ${status}`, {
    retryAfterMs,
  });
}

/** undefined for 404, throws for everything else. */
export async function notFoundOrFailure(response: HttpResponse, now: number): Promise<undefined> {
  const failure = await statusFailure(response, now);
  if (response.status !== 404) throw failure;
}

/** Any mirror serves as a content endpoint, and what they say of what they do not have differs. */
const lackStatuses = new Set([400, 404, 405, 410, 416, 451]);

/** That what was asked for is not there. */
export function saysAbsent(status: number, trust: "full" | "content"): boolean {
  return status === 404 || (trust === "content" && lackStatuses.has(status));
}

function failureOfStatus(status: number): UpstreamFailure {
  if (status === 401 || status === 403) return "denied";
  if (status === 429) return "rate-limited";
  return isServerTrouble(status) ? "server-error" : "invalid";
}

/** 501 is no trouble, but how some say that they lack a part of the API. */
export function isServerTrouble(status: number): boolean {
  return status === 408 || (status >= 500 && status !== 501);
}

/** HEAD is not to be had (401: elsewhere, where it was redirected to), or does not tell what it was asked for. */
export function isHeadUseless(status: number): boolean {
  return [200, 400, 401, 403, 405, 501].includes(status);
}
