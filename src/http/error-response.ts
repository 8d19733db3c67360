import type { OutgoingHttpHeaders } from "node:http";
import type { ErrorCode, RegistryError } from "../oci/errors.ts";
import { jsonReply, type Reply } from "./reply.ts";

const statuses = {
  BLOB_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  TAG_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
  UPSTREAM_INVALID: 502,
  UPSTREAM_TIMEOUT: 504,
} satisfies Record<ErrorCode, number>;

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
export function errorReply({ code, message, detail, retryAfterMs }: RegistryError): Reply {
  const reply = jsonReply(statuses[code], { errors: [{ code, message, detail }] });
  const headers: OutgoingHttpHeaders = { ...reply.headers };
  if (code === "UNSUPPORTED") headers["Allow"] = "GET, HEAD";
  if (retryAfterMs !== undefined) headers["Retry-After"] = Math.ceil(retryAfterMs / 1000);
  return { ...reply, headers };
}
