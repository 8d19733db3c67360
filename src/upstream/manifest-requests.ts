import type { Clock } from "../clock.ts";
import { asDigest, digestAlgorithm, digestOf, type Digest } from "../oci/digest.ts";
import { maxManifestBytes, parseManifest, type Manifest } from "../oci/manifest.ts";
import { manifestAccept } from "../oci/media-type.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import type { RepositoryName } from "../oci/repository-name.ts";
import { readBoundedBody } from "./bounded-body.ts";
import type { Endpoint } from "./endpoint.ts";
import { isHeadUseless, saysAbsent, statusFailure } from "./status-failure.ts";
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

/** Checked against the digest that was asked for, or that came along. undefined: it is not there. */
export async function fetchManifest(
  endpoint: Endpoint,
  request: ManifestRequest,
): Promise<Manifest | undefined> {
  const response = await send(endpoint, request, "GET");
  if (saysAbsent(response.status, endpoint.trust)) {
    await discardBody(response);
    return undefined;
  }
  if (response.status !== 200) throw await statusFailure(response, request.clock.now());
  const bytes = await readBoundedBody(response, maxManifestBytes);
  request.onReceived(bytes.length);
  const expected = expectedDigest(response, request.reference);
  const digest = digestOf(bytes, expected && digestAlgorithm(expected));
  if (expected !== undefined && digest !== expected) {
    endpoint.noteLie();
    const problem = `manifest ${digest} instead of ${expected}`;
    throw new UpstreamError("invalid", `${response.url.origin}: ${problem}`);
  }
  return { digest, mediaType: readMediaType(bytes, response, endpoint.trust), bytes };
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

/** A digest proves no header: what a content endpoint sends is of the type that its bytes show. */
function readMediaType(
  bytes: Buffer,
  { headers, url }: HttpResponse,
  trust: Endpoint["trust"],
): string {
  const told = trust === "full" ? headers["content-type"] : undefined;
  try {
    return parseManifest(bytes, told ?? "").mediaType;
  } catch (error) {
    throw new UpstreamError("invalid", `${url.origin}: sent no manifest`, { cause: error });
  }
}
