import type { Digest } from "../oci/digest.ts";
import type { QualifiedName } from "../oci/repository-name.ts";
import type { RemoteBlob, Upstream } from "../upstream/upstream.ts";
import type { MirroredName } from "./mirror-manifests.ts";

/** One blob as one repository of an upstream has it: that repository's rights apply. */
export interface BlobSource {
  readonly digest: Digest;
  readonly repository: QualifiedName;
  /** undefined: this repository does not have it. Throws UpstreamError. */
  open(
    range: { start: number; end: number | undefined },
    signal: AbortSignal,
  ): Promise<RemoteBlob | undefined>;
  /** The endpoint sent bytes that were not the blob's. */
  distrust(endpoint: string): void;
}

export function blobSource(
  upstream: Upstream,
  { name, key }: MirroredName,
  digest: Digest,
): BlobSource {
  return {
    digest,
    repository: key,
    open: (range, signal) => upstream.openBlob(name, digest, range, signal),
    distrust: (endpoint) => upstream.distrust(endpoint),
  };
}
