/** `ENOENT` and its like. */
export function errorCode(error: unknown): string {
  return Error.isError(error) && "code" in error ? String(error.code) : "unknown error";
}
