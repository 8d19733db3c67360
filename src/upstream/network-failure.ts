import { UpstreamError, type UpstreamFailure } from "./upstream.ts";

/** Codes of undici, its HTTP parser and the system that do not simply mean a broken connection. */
const failuresByCode: Record<string, UpstreamFailure> = {
  UND_ERR_CONNECT_TIMEOUT: "timeout",
  UND_ERR_HEADERS_TIMEOUT: "timeout",
  UND_ERR_BODY_TIMEOUT: "timeout",
  ETIMEDOUT: "timeout",
  UND_ERR_HEADERS_OVERFLOW: "invalid",
};

/** What went wrong below HTTP. `where` is an origin: paths and queries may be signed. */
export function networkFailure(error: unknown, where: string): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const code = errorCode(error);
  const message = Error.isError(error) && error.message !== "" ? error.message : code;
  return new UpstreamError(failureOfCode(code), `${where}: ${message}`, { cause: error });
}

function failureOfCode(code: string): UpstreamFailure {
  // Of what cannot be parsed; that it ends within a chunked body comes without a code.
  if (code.startsWith("HPE_")) return "invalid";
  return failuresByCode[code] ?? "unreachable";
}

/** Of what has none: `unknown error`. */
export function errorCode(error: unknown): string {
  return Error.isError(error) && "code" in error ? String(error.code) : "unknown error";
}
