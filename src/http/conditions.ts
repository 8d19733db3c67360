import type { Digest } from "../oci/digest.ts";

/** The entity tag of content is its digest. */
export function formatEtag(digest: Digest): string {
  return `"${digest}"`;
}

/** `If-None-Match` (RFC 9110, 13.1.2); bare digests count too, as they do at distribution. */
export function matchesNone(header: string | undefined, digest: Digest): boolean {
  if (header === undefined) return true;
  const tags = header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return !tags.some((tag) => tag === "*" || tag === digest || tag === formatEtag(digest));
}

/**
 * `If-Range` (RFC 9110, 13.1.5): whether `Range` is to be heeded. A date never matches, as content
 * has none here, and a weak tag must not.
 */
export function allowsRange(header: string | undefined, digest: Digest): boolean {
  return header === undefined || header === digest || header.trim() === formatEtag(digest);
}
