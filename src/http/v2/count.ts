import { RegistryError } from "../../oci/errors.ts";

/** How many entries a page may hold, `n`; undefined: it is not said. Throws RegistryError PAGINATION_NUMBER_INVALID. */
export function parseCount(query: URLSearchParams): number | undefined {
  const n = query.get("n");
  if (n === null) return undefined;
  if (/^\d+$/.test(n) && Number.isSafeInteger(Number(n))) return Number(n);
  throw new RegistryError("PAGINATION_NUMBER_INVALID", "n must be a non-negative integer");
}
