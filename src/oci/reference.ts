import { parseDigest, type Digest } from "./digest.ts";
import { RegistryError } from "./errors.ts";

export type Tag = string & { readonly __brand: "Tag" };

/** What names a manifest within a repository. */
export type Reference = { kind: "tag"; tag: Tag } | { kind: "digest"; digest: Digest };

const tagGrammar = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** A colon makes it a digest, as no tag may hold one. Throws RegistryError DIGEST_INVALID or TAG_INVALID. */
export function parseReference(text: string): Reference {
  return text.includes(":")
    ? { kind: "digest", digest: parseDigest(text) }
    : { kind: "tag", tag: parseTag(text) };
}

export function parseTag(text: string): Tag {
  if (!isTag(text)) {
    throw new RegistryError(
      "TAG_INVALID",
      "tag must be 1 to 128 letters, digits, '_', '.' or '-', and not begin with '.' or '-'",
    );
  }
  return text;
}

export function isTag(text: string): text is Tag {
  return tagGrammar.test(text);
}

export function formatReference(reference: Reference): string {
  return reference.kind === "tag" ? reference.tag : reference.digest;
}
