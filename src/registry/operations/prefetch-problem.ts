import type { Logger } from "pino";
import { RegistryError } from "../../oci/errors.ts";
import { DigestMismatchError, StorageError } from "../../store/blob/blob-store.ts";
import { toRegistryError } from "../upstream-trouble.ts";

/** Why it is not here although it was asked for, in words for the operator. */
export const notKept =
  "not kept: the cache lacks the room (storage.maxSize, storage.minFree) or the disk fails; the log tells";

/** What went wrong, in words. What nobody foresaw is logged as well. */
export function describeProblem(error: unknown, host: string, log: Logger): string {
  const known = toRegistryError(error, host);
  if (known instanceof RegistryError) return known.message;
  if (known instanceof DigestMismatchError || known instanceof StorageError) return known.message;
  log.error({ err: error }, "prefetching failed unexpectedly");
  return "failed unexpectedly; the log tells more";
}

/** One line for all of them; undefined: there are none. */
export function summarizeProblems(problems: readonly string[]): string | undefined {
  const [first, ...others] = problems;
  if (first === undefined || others.length === 0) return first;
  return `${first} (and ${others.length} more)`;
}
