import type { IncomingHttpHeaders } from "node:http";
import { readBoundedBody } from "../bounded-body.ts";
import { parseRetryAfter } from "../retry-after.ts";
import { isServerTrouble } from "../status-failure.ts";
import { UpstreamError, type UpstreamFailure } from "../upstream.ts";
import type { CloudTransport } from "./cloud-access.ts";

export interface CloudRequest {
  /** For people: `AWS STS`. */
  service: string;
  method: "GET" | "POST" | "PUT";
  url: URL;
  headers?: Record<string, string>;
  body?: string;
  signal: AbortSignal;
}

export interface CloudAnswer {
  service: string;
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

const maxAnswerBytes = 64 * 1024;

const silences = new Set<UpstreamFailure>(["unreachable", "timeout"]);

/**
 * Any status; redirects are not followed, for none of these services makes one, and what is sent is
 * a secret. Throws UpstreamError where there is no whole answer.
 */
export async function askCloud(
  transport: CloudTransport,
  { service, method, url, headers = {}, body, signal }: CloudRequest,
): Promise<CloudAnswer> {
  try {
    const response = await transport.send({
      method,
      url,
      headers,
      signal,
      purpose: "token",
      ...(body === undefined ? {} : { body }),
    });
    const text = (await readBoundedBody(response, maxAnswerBytes)).toString();
    return { service, status: response.status, headers: response.headers, text };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * The same at an endpoint of the machine itself, which is asked last: that nothing answers there
 * means that there are no credentials.
 */
export async function askMachine(
  transport: CloudTransport,
  request: CloudRequest,
): Promise<CloudAnswer> {
  try {
    return await askCloud(transport, request);
  } catch (error) {
    request.signal.throwIfAborted();
    if (!(error instanceof UpstreamError) || !silences.has(error.failure)) throw error;
    throw new UpstreamError(
      "credentials",
      `no credentials are configured, and ${request.service} does not answer`,
      { cause: error },
    );
  }
}

export function askCloudByForm(
  transport: CloudTransport,
  request: Omit<CloudRequest, "method" | "body"> & { fields: Record<string, string> },
): Promise<CloudAnswer> {
  const { fields, headers, ...rest } = request;
  return askCloud(transport, {
    ...rest,
    method: "POST",
    headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  });
}

/** What an answer means that is not the one hoped for. `code`: the service's own word, if it has one. */
export function cloudFailure(
  { service, status, headers }: CloudAnswer,
  code: string | undefined,
  now: number,
): UpstreamError {
  const isThrottled = status === 429 || /^(throttling|toomanyrequests)/i.test(code ?? "");
  const failure = isThrottled ? "rate-limited" : failureOfStatus(status);
  const answer = code === undefined ? `status ${status}` : `status ${status}, ${code}`;
  const words = failure === "credentials" ? `refused with ${answer}` : answer;
  return new UpstreamError(failure, `${service}: ${words}`, {
    retryAfterMs: parseRetryAfter(headers["retry-after"], now),
  });
}

export function invalidAnswer({ service }: CloudAnswer, what: string): UpstreamError {
  return new UpstreamError("invalid", `${service}: answered ${what}`);
}

function failureOfStatus(status: number): UpstreamFailure {
  if (isServerTrouble(status)) return "server-error";
  return status >= 400 ? "credentials" : "invalid";
}
