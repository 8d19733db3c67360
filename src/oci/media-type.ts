export const ociIndex = "application/vnd.oci.image.index.v1+json";
export const ociManifest = "application/vnd.oci.image.manifest.v1+json";
export const dockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
export const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
const dockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";
const dockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/**
 * All six types, as upstream is always asked: without this list old registries convert a manifest
 * to schema 1, and distribution hides OCI manifests.
 */
export const manifestAccept = [
  ociIndex,
  ociManifest,
  dockerList,
  dockerManifest,
  dockerSchema1Signed,
  dockerSchema1,
].join(", ");

/** The type without parameters, in lower case: `application/json; charset=utf-8` → `application/json`. */
export function bareMediaType(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === ociIndex || mediaType === dockerList;
}

export function isManifestType(mediaType: string): boolean {
  return isIndexType(mediaType) || mediaType === ociManifest || mediaType === dockerManifest;
}
