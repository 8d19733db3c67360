import type { Digest } from "../oci/digest.ts";

const shownDigits = 12;

/** `sha256:0123456789ab`: enough for people to tell digests apart, not enough to ask by. */
export function shortenDigest(digest: Digest): string {
  return digest.slice(0, digest.indexOf(":") + 1 + shownDigits);
}
