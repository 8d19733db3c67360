import { asDigest } from "./digest.ts";
import { dockerHub, withLibrary } from "./docker-hub.ts";
import { RegistryError } from "./errors.ts";
import { canonicalHost, isRegistryHost } from "./registry-host.ts";
import { formatReference, parseTag, type Reference } from "./reference.ts";
import {
  parseRepositoryName,
  qualifyName,
  type QualifiedName,
  type RepositoryName,
} from "./repository-name.ts";

/** What people pull: `node`, completed to `docker.io/library/node:latest`. */
export interface PullName {
  /** Canonical host: `docker.io`. */
  registry: string;
  name: RepositoryName;
  /** Both of the above. */
  repository: QualifiedName;
  /** A digest wins over a tag that is given along with it. */
  reference: Reference;
  /** The tag was not written, but added. */
  isTagImplied: boolean;
}

const imageId = /^[0-9a-f]{64}$/;

/** As docker shows digests; nobody's repository, as docker refuses to make one. */
const shortDigest = /^sha(?:256|512):[0-9a-f]+$/;

/**
 * Completes a name as docker does: what stands before the first slash is a registry's host if it
 * holds a dot or a colon or is `localhost`, else Docker Hub is meant; a name of one part is below
 * `library/` there; without tag and digest the tag is `latest`. Hosts become lower case.
 * https://github.com/distribution/reference/blob/main/normalize.go
 * Throws RegistryError NAME_INVALID, TAG_INVALID, DIGEST_INVALID.
 */
export function parsePullName(text: string): PullName {
  const [named, digest] = splitAt(text, text.indexOf("@"));
  const colon = named.lastIndexOf(":");
  const [path, tag] = splitAt(named, colon > named.lastIndexOf("/") ? colon : -1);
  if (imageId.test(path)) {
    throw new RegistryError("NAME_INVALID", "64 hexadecimal digits are no name, but an image's id");
  }
  if (shortDigest.test(named)) {
    const message = `"${text}" is no name, but a digest or part of one; write all of it, after NAME@`;
    throw new RegistryError("NAME_INVALID", message);
  }
  const { registry, name } = parsePath(path);
  if (tag !== undefined) parseTag(tag);
  const reference = toReference(tag, digest);
  const repository = qualifyName(registry, name);
  const isTagImplied = tag === undefined && digest === undefined;
  return { registry, name, repository, reference, isTagImplied };
}

/** `docker.io/library/node:latest`, `ghcr.io/a/b@sha256:…` */
export function formatPullName(repository: QualifiedName, reference: Reference): string {
  const separator = reference.kind === "tag" ? ":" : "@";
  return `${repository}${separator}${formatReference(reference)}`;
}

function toReference(tag: string | undefined, digest: string | undefined): Reference {
  if (digest === undefined) return { kind: "tag", tag: parseTag(tag ?? "latest") };
  const found = asDigest(digest);
  if (found) return { kind: "digest", digest: found };
  throw new RegistryError("DIGEST_INVALID", `"${digest}" is not a digest such as sha256:12ab…`);
}

function parsePath(path: string): { registry: string; name: RepositoryName } {
  const [first, rest] = splitAt(path, path.indexOf("/"));
  const isHost = rest !== undefined && (/[.:]/.test(first) || first === "localhost");
  const registry = isHost ? parseHost(first) : dockerHub;
  const name = parseRepositoryName(isHost ? rest : path);
  return { registry, name: registry === dockerHub ? withLibrary(name) : name };
}

function parseHost(text: string): string {
  if (isRegistryHost(text)) return canonicalHost(text);
  throw new RegistryError("NAME_INVALID", `"${text}" is not a registry's host such as docker.io`);
}

function splitAt(text: string, index: number): [string, string | undefined] {
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}
