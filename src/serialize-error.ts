/** Deep enough for any honest chain of causes, and an end to one that bites its tail. */
const maxDepth = 8;

/**
 * What a log keeps of an error, its causes included. Known fields only: libraries hang requests
 * with all their headers onto errors.
 */
export function serializeError(error: unknown, depth = 0): unknown {
  if (!Error.isError(error)) return typeof error === "string" ? error : typeof error;
  const fields: Record<string, unknown> = { type: error.name, message: error.message };
  for (const key of ["code", "failure"]) {
    const value: unknown = Reflect.get(error, key);
    if (typeof value === "string") fields[key] = value;
  }
  fields["stack"] = error.stack;
  if (depth === maxDepth) return fields;
  if (error.cause !== undefined) fields["cause"] = serializeError(error.cause, depth + 1);
  const errors: unknown = Reflect.get(error, "errors");
  if (Array.isArray(errors)) {
    fields["errors"] = errors.map((inner: unknown) => serializeError(inner, depth + 1));
  }
  return fields;
}
