import { RegistryError, type ErrorCode } from "../oci/errors.ts";
import { UpstreamError, type UpstreamFailure } from "../upstream/upstream.ts";

/**
 * What a client is told: a status that makes it go to its next host, and nothing of ours. A denial
 * goes out as 404: clients then fall back or print the message, while a 401 would make them look
 * for credentials to send here.
 */
const answers = {
  unreachable: ["UNAVAILABLE", "cannot be reached"],
  "server-error": ["UNAVAILABLE", "has trouble answering"],
  credentials: ["UNAVAILABLE", "refuses this mirror's credentials"],
  timeout: ["UPSTREAM_TIMEOUT", "takes too long to answer"],
  "rate-limited": ["TOOMANYREQUESTS", "limits this mirror's requests"],
  denied: ["NAME_UNKNOWN", "denies access: there is no such repository, or it needs credentials"],
  forbidden: [
    "NAME_UNKNOWN",
    "leads to an address that is not public, where this mirror goes only for registries that its configuration names under upstreams",
  ],
  invalid: ["UPSTREAM_INVALID", "sent something that is not what was asked for"],
} as const satisfies Record<UpstreamFailure, readonly [ErrorCode, string]>;

/** Everything but an UpstreamError comes back as it is. */
export function toRegistryError(error: unknown, host: string): unknown {
  if (!(error instanceof UpstreamError)) return error;
  const [code, message] = answers[error.failure];
  const { retryAfterMs } = error;
  return new RegistryError(code, `${host} ${message}`, { cause: error, retryAfterMs });
}

/** Whether the failure is upstream's trouble, so that a copy from here may stand in. */
export function isOutage(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && error.failure !== "denied";
}

/** For `Warning` headers. */
export function describeOutage(error: UpstreamError, host: string): string {
  return `${host} ${answers[error.failure][1]}; this is what it last had`;
}
