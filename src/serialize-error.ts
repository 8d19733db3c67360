/** Deep enough for any honest chain of causes, and an end to one that bites its tail. */
const maxDepth = 8;

/** Outcomes that somebody foresaw: where in the code they arose tells nothing. */
const foreseen = new Set(["UpstreamError", "StorageError", "MetadataError", "RegistryError"]);

/**
 * What a log keeps of an error, its causes included. Known fields only: libraries hang requests
 * with all their headers onto errors.
 */
export function serializeError(error: unknown): unknown {
  const withStacks = Error.isError(error) && !foreseen.has(error.name);
  return serialize(error, { depth: 0, withStacks });
}

function serialize(error: unknown, options: { depth: number; withStacks: boolean }): unknown {
  if (!Error.isError(error)) return typeof error === "string" ? error : typeof error;
  const fields: Record<string, unknown> = { type: error.name, message: error.message };
  for (const key of ["code", "failure"]) {
    const value: unknown = Reflect.get(error, key);
    if (typeof value === "string") fields[key] = value;
  }
  if (options.withStacks) fields["stack"] = error.stack;
  if (options.depth === maxDepth) return fields;
  const inner = { ...options, depth: options.depth + 1 };
  if (error.cause !== undefined) fields["cause"] = serialize(error.cause, inner);
  const errors: unknown = Reflect.get(error, "errors");
  if (Array.isArray(errors)) fields["errors"] = errors.map((one: unknown) => serialize(one, inner));
  return fields;
}
