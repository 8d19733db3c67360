import { createHash, type Hash } from "node:crypto";
import { RegistryError } from "./errors.ts";

/** `algorithm:hex`, checked. The only way to one is `parseDigest` or `digestOf`. */
export type Digest = string & { readonly __brand: "Digest" };

export type DigestAlgorithm = "sha256" | "sha512";

const hexLengths: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 };

/**
 * Accepts the two registered algorithms with lower-case hex of the right length, as
 * https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests demands.
 * Throws RegistryError DIGEST_INVALID.
 */
export function parseDigest(text: string): Digest {
  const separator = text.indexOf(":");
  const algorithm = text.slice(0, separator);
  if (!isAlgorithm(algorithm)) {
    throw new RegistryError("DIGEST_INVALID", "digest algorithm must be sha256 or sha512");
  }
  if (!isDigestOf(algorithm, text)) {
    const length = hexLengths[algorithm];
    throw new RegistryError(
      "DIGEST_INVALID",
      `${algorithm} digest must be ${length} lower-case hex digits`,
    );
  }
  return text;
}

/** Like `parseDigest`, for places where anything else simply is no digest. */
export function asDigest(text: string | undefined): Digest | undefined {
  if (text === undefined) return undefined;
  try {
    return parseDigest(text);
  } catch {
    return undefined;
  }
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Digest {
  return finishDigest(startDigest(algorithm).update(bytes), algorithm);
}

/** For content that is hashed while it streams; end with `finishDigest`. */
export function startDigest(algorithm: DigestAlgorithm): Hash {
  return createHash(algorithm);
}

export function finishDigest(hash: Hash, algorithm: DigestAlgorithm): Digest {
  return parseDigest(`${algorithm}:${hash.digest("hex")}`);
}

function isAlgorithm(text: string): text is DigestAlgorithm {
  return Object.hasOwn(hexLengths, text);
}

function isDigestOf(algorithm: DigestAlgorithm, text: string): text is Digest {
  const hex = text.slice(algorithm.length + 1);
  return hex.length === hexLengths[algorithm] && /^[0-9a-f]+$/.test(hex);
}
