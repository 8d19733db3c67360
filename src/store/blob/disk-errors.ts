import { StorageError, type StorageFailure } from "./blob-store.ts";

const failures: Partial<Record<string, StorageFailure>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EFBIG: "full",
  EROFS: "read-only",
  EACCES: "refused",
  EPERM: "refused",
  ENOTDIR: "refused",
  EEXIST: "refused",
};

/** The file system's `code`, also inside Jest, where its errors are not `instanceof Error`. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

export function isMissing(error: unknown): boolean {
  return errnoOf(error) === "ENOENT";
}

/** Translates what the file system threw; a StorageError stays what it is. */
export function toStorageError(error: unknown, doing: string): StorageError {
  if (error instanceof StorageError) return error;
  const code = errnoOf(error);
  const failure = (code === undefined ? undefined : failures[code]) ?? "failed";
  return new StorageError(failure, `${doing} failed: ${code ?? String(error)}`, { cause: error });
}
