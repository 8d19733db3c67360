import { MetadataError, type MetadataFailure } from "./metadata-error.ts";

/** The file is a sound SQLite database, but not one of ours. */
export class ForeignDatabaseError extends Error {
  override readonly name = "ForeignDatabaseError";
}

const failures: Readonly<Record<string, MetadataFailure>> = {
  SQLITE_FULL: "full",
  SQLITE_READONLY: "read-only",
  SQLITE_BUSY: "in-use",
  ENOSPC: "full",
  EDQUOT: "full",
  EROFS: "read-only",
  EACCES: "read-only",
  EPERM: "read-only",
};

const explanations: Readonly<Record<MetadataFailure, string>> = {
  full: "no space left for the metadata database",
  "read-only": "metadata database cannot be written",
  "in-use": "metadata database is in use by another process",
  failed: "metadata database failed",
};

/** The file does not hold what we wrote: no retry helps, only another file. */
export function isDamage(error: unknown): boolean {
  if (Error.isError(error) && error.name === "ForeignDatabaseError") return true;
  const code = primaryCode(error);
  return code === "SQLITE_CORRUPT" || code === "SQLITE_NOTADB";
}

/** What SQLite or the file system threw, as a MetadataError; everything else as it is. */
export function toMetadataError(error: unknown): unknown {
  const code = primaryCode(error);
  if (code === undefined || !Error.isError(error)) return error;
  const failure = failures[code] ?? "failed";
  const message = `${explanations[failure]}: ${error.message}`;
  return new MetadataError(failure, message, { cause: error });
}

/**
 * `SQLITE_IOERR_WRITE` → `SQLITE_IOERR`, `ENOSPC` → `ENOSPC`. By its shape and not by class:
 * better-sqlite3's addon throws the error class of whoever loaded it first.
 */
function primaryCode(error: unknown): string | undefined {
  if (!Error.isError(error) || !("code" in error) || typeof error.code !== "string") {
    return undefined;
  }
  return /^SQLITE_[A-Z]+|^E[A-Z0-9]+$/.exec(error.code)?.[0];
}
