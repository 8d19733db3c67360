import { asDigest, digestAlgorithm, digestHex, type Digest } from "./digest.ts";
import { parseTag, type Tag } from "./reference.ts";

/** What no tag may hold is not in a digest; sha512 digests are cut. */
const maxEncodedLength = 64;

/** Of the referrers tag, and of cosign's for signatures, attestations and bills of materials. */
const aboutGrammar = /^sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/;

/**
 * Where the referrers of a manifest are listed at registries without the API:
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export function referrersTag(subject: Digest): Tag {
  const encoded = digestHex(subject).slice(0, maxEncodedLength);
  return parseTag(`${digestAlgorithm(subject)}-${encoded}`);
}

/** The manifest that a tag's name says to be about. */
export function findTagSubject(tag: Tag): Digest | undefined {
  const hex = aboutGrammar.exec(tag)?.[1];
  return hex === undefined ? undefined : asDigest(`sha256:${hex}`);
}
