import { parseDigest, type Digest } from "../../oci/digest.ts";
import { RegistryError } from "../../oci/errors.ts";
import { parseReference, type Reference } from "../../oci/reference.ts";
import { isRegistryHost } from "../../oci/registry-host.ts";
import { checkRequestedName } from "../../oci/requested-name.ts";

interface Asked {
  /** `?ns=`: the registry the client means. */
  namespace: string | undefined;
}

interface InRepository extends Asked {
  /** As `checkRequestedName` lets it pass. */
  name: string;
}

export type ManifestRoute = InRepository & { kind: "manifest"; reference: Reference };
type BlobRoute = InRepository & { kind: "blob"; digest: Digest };
/** `query` is the client's, without `ns`. */
export type TagsRoute = InRepository & { kind: "tags"; query: URLSearchParams };
type ReferrersRoute = InRepository & {
  kind: "referrers";
  digest: Digest;
  artifactType: string | undefined;
};
/** `query` is the client's, without `ns`. */
type CatalogRoute = Asked & { kind: "catalog"; query: URLSearchParams };
export type RepositoryRoute = ManifestRoute | BlobRoute | TagsRoute | ReferrersRoute;
export type Route = { kind: "version" } | CatalogRoute | RepositoryRoute;

/** What a path names, not checked yet. */
interface Target {
  endpoint: "manifests" | "blobs" | "uploads" | "referrers" | "tags";
  name: string;
  /** What follows the keyword: a reference, a digest. */
  rest: string;
}

const origin = /^https?:\/\/([^/?]*)/;

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
  const isWhole = components.length === 0 || isCatalog(components);
  const target = isWhole ? undefined : findTarget(components);
  if (method !== "GET" && method !== "HEAD") refuse();
  if (components.length === 0) return { kind: "version" };
  if (target?.endpoint === "uploads") refuse();
  if (target) checkRequestedName(target.name);
  const namespace = readNamespace(query);
  query.delete("ns");
  return target
    ? readRoute(target, { name: target.name, namespace }, query)
    : { kind: "catalog", namespace, query };
}

/**
 * The host that a request came to: of two, the request target's one counts.
 * https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
 */
export function findHost(url: string, header: string | undefined): string | undefined {
  return origin.exec(url)?.[1] ?? header;
}

function isCatalog(components: string[]): boolean {
  return components.length === 1 && components[0] === "_catalog";
}

function refuse(): never {
  throw new RegistryError("UNSUPPORTED", "this registry is a mirror: it can only be pulled from");
}

function splitUrl(url: string): { components: string[]; query: URLSearchParams } {
  const [path = "", ...query] = url.replace(origin, "").split("?");
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
  if (!isRegistryHost(namespace)) {
    throw new RegistryError("NAME_INVALID", "ns must be a registry's host");
  }
  return namespace;
}

function readRoute(
  { endpoint, rest }: Target,
  repository: InRepository,
  query: URLSearchParams,
): RepositoryRoute {
  if (endpoint === "manifests") {
    return { kind: "manifest", ...repository, reference: parseReference(rest) };
  }
  if (endpoint === "tags") return { kind: "tags", ...repository, query };
  const digest = parseDigest(rest);
  if (endpoint === "blobs") return { kind: "blob", ...repository, digest };
  const artifactType = query.get("artifactType") || undefined;
  return { kind: "referrers", ...repository, digest, artifactType };
}
