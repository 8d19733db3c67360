import type { Digest } from "../oci/digest.ts";
import type { QualifiedName } from "../oci/repository-name.ts";
import { UpstreamError, type RemoteBlob, type Upstream } from "../upstream/upstream.ts";
import type { BlobBreadth } from "./blob-breadth.ts";
import type { MirroredName } from "./mirror-manifests.ts";

/** More than anybody has endpoints. */
const maxLiars = 100;

/** One blob as one repository of an upstream has it: that repository's rights apply. */
export interface BlobSource {
  readonly digest: Digest;
  readonly repository: QualifiedName;
  /** From a registry that a client named: no other registry's clients wait for what it sends. */
  readonly isLetIn: boolean;
  /** Over how many connections its registry's blobs come; undefined: over one. */
  readonly breadth: BlobBreadth | undefined;
  /** A further connection would keep nobody waiting. */
  readonly hasSpareConnection: boolean;
  /** undefined: this repository does not have it. Throws UpstreamError. */
  open(
    range: { start: number; end: number | undefined },
    signal: AbortSignal,
  ): Promise<RemoteBlob | undefined>;
  /** As the registry itself says. undefined: this repository does not have it. Throws UpstreamError. */
  head(): Promise<{ size: number | undefined } | undefined>;
  /** These sent bytes together that were not the blob's. */
  distrust(endpoints: readonly string[]): void;
}

export function blobSource(
  upstream: Upstream,
  { name, key }: MirroredName,
  digest: Digest,
  breadth?: BlobBreadth,
): BlobSource {
  return {
    breadth,
    get hasSpareConnection() {
      return upstream.hasSpareConnection;
    },
    digest,
    repository: key,
    isLetIn: upstream.isLetIn,
    open: (range, signal) => upstream.openBlob(name, digest, range, signal),
    head: () => upstream.headBlob(name, digest),
    distrust: (endpoints) => upstream.distrust(endpoints),
  };
}

/**
 * The first body of a blob, from `open`. Where a content endpoint sends it, the registry is asked
 * whether the repository has it, and its size, which decides what has to make room; but for what a
 * manifest of the repository describes just so. undefined: the repository does not have it.
 */
export async function openVouched(
  { head, distrust }: Pick<BlobSource, "head" | "distrust">,
  describedSize: number | undefined,
  open: () => Promise<RemoteBlob | undefined>,
): Promise<RemoteBlob | undefined> {
  for (let count = 0; count < maxLiars; count += 1) {
    const remote = await open();
    const isDescribed = describedSize !== undefined && remote?.size === describedSize;
    if (!remote || remote.isVouched || isDescribed) return remote;
    using held = new DisposableStack();
    held.defer(() => remote.close());
    const told = await head();
    if (!told) return undefined;
    if (told.size === undefined || remote.size === undefined || told.size === remote.size) {
      held.move();
      return remote;
    }
    distrust(remote.endpoints);
  }
  throw new UpstreamError("invalid", "no endpoint tells the blob's size as the registry does");
}
