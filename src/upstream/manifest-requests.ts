import type { Clock } from "../clock.ts";
import { asDigest, digestAlgorithm, digestOf, type Digest } from "../oci/digest.ts";
import { maxManifestBytes, parseManifest, type Manifest } from "../oci/manifest.ts";
import { manifestAccept } from "../oci/media-type.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import { readBoundedBody } from "./bounded-body.ts";
import type { Endpoint } from "./endpoint.ts";
import { isHeadUseless, notFoundOrFailure, statusFailure } from "./status-failure.ts";
import { discardBody, type HttpResponse } from "./transport.ts";
import { UpstreamError, type ManifestHead } from "./upstream.ts";

export interface ManifestRequest {
  repository: RepositoryName;
  reference: Reference;
  signal: AbortSignal;
  clock: Clock;
  /** Told of the manifest's bytes once it is whole. */
  onReceived: (bytes: number) => void;
}

/** By HEAD, or by GET where HEAD is refused or does not tell the digest. undefined: 404. */
export async function fetchManifestHead(
  endpoint: Endpoint,
  request: ManifestRequest,
): Promise<ManifestHead | undefined> {
  const response = await send(endpoint, request, "HEAD");
  await discardBody(response);
  if (response.status === 404) return undefined;
  const digest = readDigest(response);
  if (response.status === 200 && digest && isWanted(digest, request.reference)) {
    return { digest, manifest: undefined };
  }
  if (!isHeadUseless(response.status)) throw await statusFailure(response, request.clock.now());
  const manifest = await fetchManifest(endpoint, request);
  return manifest && { digest: manifest.digest, manifest };
}

/** Checked against the digest that was asked for, or that came along. undefined: 404. */
export async function fetchManifest(
  endpoint: Endpoint,
  request: ManifestRequest,
): Promise<Manifest | undefined> {
  const response = await send(endpoint, request, "GET");
  if (response.status !== 200) return notFoundOrFailure(response, request.clock.now());
  const bytes = await readBoundedBody(response, maxManifestBytes);
  request.onReceived(bytes.length);
  const digest = checkDigest(bytes, expectedDigest(response, request.reference), response);
  return { digest, mediaType: readMediaType(bytes, response), bytes };
}

function send(
  endpoint: Endpoint,
  { repository, reference, signal }: ManifestRequest,
  method: "GET" | "HEAD",
): Promise<HttpResponse> {
  const path = `manifests/${formatReference(reference)}`;
  const headers = { accept: manifestAccept };
  return endpoint.fetch({ method, repository, path, headers, signal });
}

function readDigest({ headers }: HttpResponse): Digest | undefined {
  const header = headers["docker-content-digest"];
  return typeof header === "string" ? asDigest(header) : undefined;
}

function isWanted(digest: Digest, reference: Reference): boolean {
  return reference.kind === "tag" || reference.digest === digest;
}

function expectedDigest(response: HttpResponse, reference: Reference): Digest | undefined {
  return reference.kind === "digest" ? reference.digest : readDigest(response);
}

function checkDigest(bytes: Buffer, expected: Digest | undefined, { url }: HttpResponse): Digest {
  const found = digestOf(bytes, expected && digestAlgorithm(expected));
  if (expected === undefined || found === expected) return found;
  throw new UpstreamError("invalid", `${url.origin}: manifest ${found} instead of ${expected}`);
}

function readMediaType(bytes: Buffer, { headers, url }: HttpResponse): string {
  try {
    return parseManifest(bytes, headers["content-type"] ?? "").mediaType;
  } catch (error) {
    throw new UpstreamError("invalid", `${url.origin}: sent no manifest`, { cause: error });
  }
}
