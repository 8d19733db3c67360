import { parseDigest, type Digest } from "../../oci/digest.ts";
import { RegistryError } from "../../oci/errors.ts";
import { parseReference, type Reference } from "../../oci/reference.ts";
import { parseRepositoryName, type RepositoryName } from "../../oci/repository-name.ts";

interface InRepository {
  name: RepositoryName;
  /** `?ns=`: the registry the client means. */
  namespace: string | undefined;
}

type ManifestRoute = InRepository & { kind: "manifest"; reference: Reference };
type BlobRoute = InRepository & { kind: "blob"; digest: Digest };
/** `query` is the client's, without `ns`. */
export type TagsRoute = InRepository & { kind: "tags"; query: URLSearchParams };
export type Route = { kind: "version" } | ManifestRoute | BlobRoute | TagsRoute;

/** What a path names, not checked yet. */
interface Target {
  endpoint: "manifests" | "blobs" | "uploads" | "referrers" | "tags";
  name: string;
  /** What follows the keyword: a reference, a digest. */
  rest: string;
}

/** A host, with or without a port. */
const namespaceGrammar = /^[A-Za-z0-9._-]{1,253}(?::\d{1,5})?$/;

/** Whether a request target, also one in absolute form, belongs to the registry API. */
export function isRegistryUrl(url: string): boolean {
  return /^(?:https?:\/\/[^/?]*)?\/+v2(?:[/?]|$)/.test(url);
}

/**
 * What a request to the registry API asks for. Names are read from the right, as a component may
 * be called `manifests` or `blobs`; the path is percent-decoded once; empty components and a
 * slash at the end are overlooked, since a redirect costs some clients the pull.
 * Throws RegistryError with the code to answer.
 */
export function parseRoute(method: string | undefined, url: string): Route {
  const { components, query } = splitUrl(url);
  const target = components.length > 0 ? findTarget(components) : undefined;
  if (method !== "GET" && method !== "HEAD") refuse();
  if (target === undefined) return { kind: "version" };
  if (target.endpoint === "uploads") refuse();
  const name = parseRepositoryName(target.name);
  return readRoute(target, { name, namespace: readNamespace(query) }, query);
}

function refuse(): never {
  throw new RegistryError("UNSUPPORTED", "this registry is a mirror: it can only be pulled from");
}

function splitUrl(url: string): { components: string[]; query: URLSearchParams } {
  const [path = "", ...query] = url.replace(/^https?:\/\/[^/?]*/, "").split("?");
  const components = decode(path)
    .split("/")
    .filter((component) => component !== "");
  return { components: components.slice(1), query: new URLSearchParams(query.join("?")) };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    throw new RegistryError("NAME_INVALID", "path is not percent-encoded UTF-8", { cause: error });
  }
}

function findTarget(components: string[]): Target {
  for (let at = components.length - 2; at >= 0; at -= 1) {
    const endpoint = findEndpoint(components, at);
    if (endpoint) {
      const name = components.slice(0, at).join("/");
      return { endpoint, name, rest: components.slice(at + 1).join("/") };
    }
  }
  throw new RegistryError("NAME_UNKNOWN", "no such API endpoint");
}

function findEndpoint(components: string[], at: number): Target["endpoint"] | undefined {
  const [keyword, next, afterNext] = components.slice(at, at + 3);
  if (keyword === "manifests" || keyword === "referrers") return keyword;
  if (keyword === "blobs") return next === "uploads" ? "uploads" : keyword;
  return keyword === "tags" && next === "list" && afterNext === undefined ? keyword : undefined;
}

function readNamespace(query: URLSearchParams): string | undefined {
  const namespace = query.get("ns");
  if (namespace === null || namespace === "") return undefined;
  if (!namespaceGrammar.test(namespace)) {
    throw new RegistryError("NAME_INVALID", "ns must be a registry's host");
  }
  return namespace;
}

function readRoute(
  { endpoint, rest }: Target,
  repository: InRepository,
  query: URLSearchParams,
): Route {
  if (endpoint === "manifests") {
    return { kind: "manifest", ...repository, reference: parseReference(rest) };
  }
  if (endpoint === "tags") {
    query.delete("ns");
    return { kind: "tags", ...repository, query };
  }
  const digest = parseDigest(rest);
  if (endpoint === "blobs") return { kind: "blob", ...repository, digest };
  // With NAME_UNKNOWN, oras would take the repository for missing and not try the referrers tag.
  throw new RegistryError("MANIFEST_UNKNOWN", "no referrers API here: use the referrers tag");
}
