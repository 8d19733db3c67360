import { errorCode } from "../network-failure.ts";
import { UpstreamError } from "../upstream.ts";

const wordsByCode = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "the connection was cut"],
  ["EPIPE", "the connection was cut"],
  ["EHOSTUNREACH", "no way to the host"],
  ["ENETUNREACH", "no way to its network"],
  ["ETIMEDOUT", "no answer"],
  ["EAI_AGAIN", "the name server does not answer"],
  ["ENOTFOUND", "no such host"],
  ["ENODATA", "the host has no such address"],
  ["EPROTO", "it does not speak TLS"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "it does not speak TLS"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "the certificate is for another host"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "no trusted authority"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "no trusted authority"],
  ["UNABLE_TO_GET_ISSUER_CERT", "no trusted authority"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "no trusted authority"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "no trusted authority"],
]);

/** Of a step on the way to a connection, as `DNS`; says in words what is known. */
export function dialFailure(stage: string, error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const failure = leaves(error).some((leaf) => errorCode(leaf) === "ETIMEDOUT")
    ? "timeout"
    : "unreachable";
  return new UpstreamError(failure, `${stage}: ${describe(error)}`, { cause: error });
}

function describe(error: unknown): string {
  const causes = leaves(error);
  const words = [...new Set(causes.map((leaf) => wordsByCode.get(errorCode(leaf))))]
    .filter((text) => text !== undefined)
    .join(", ");
  const messages = causes.map(messageOf).join(", ");
  return words === "" ? messages : `${words} (${messages})`;
}

/** One for each address that was tried. */
function leaves(error: unknown): unknown[] {
  const errors: unknown = Error.isError(error) && "errors" in error ? error.errors : undefined;
  return Array.isArray(errors) && errors.length > 0 ? errors : [error];
}

function messageOf(error: unknown): string {
  // Messages of OpenSSL name places in its sources.
  if (Error.isError(error) && "reason" in error && typeof error.reason === "string") {
    return error.reason;
  }
  return Error.isError(error) && error.message !== "" ? error.message : errorCode(error);
}
