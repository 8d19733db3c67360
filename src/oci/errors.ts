/**
 * Error codes as they go out in OCI error JSON: those of the distribution specification, those
 * that distribution added and clients know, and three for trouble behind a mirror.
 */
export type ErrorCode =
  | "BLOB_UNKNOWN"
  | "DENIED"
  | "DIGEST_INVALID"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "PAGINATION_NUMBER_INVALID"
  | "RANGE_INVALID"
  | "TAG_INVALID"
  | "TOOMANYREQUESTS"
  | "UNAVAILABLE"
  | "UNKNOWN"
  | "UNSUPPORTED"
  | "UPSTREAM_INVALID"
  | "UPSTREAM_TIMEOUT";

interface RegistryErrorOptions {
  cause?: unknown;
  /** Machine-readable context for the client; never internal detail. */
  detail?: unknown;
  /** When trying again makes sense; sent as Retry-After. */
  retryAfterMs?: number | undefined;
}

/** An answer to the client that is not content. The message is shown to the client's user. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: ErrorCode;
  readonly detail: unknown;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.retryAfterMs = options.retryAfterMs;
  }
}
