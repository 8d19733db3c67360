import { join } from "node:path";
import { asDigest, digestAlgorithm, digestHex, type Digest } from "../../oci/digest.ts";

/**
 * Where things are below the storage path: `blobs/sha256/ab/abcd…` for whole blobs,
 * `partial/sha256-abcd…` for those on their way in, with `….json` beside it for its extents.
 */
export class DiskLayout {
  readonly blobs: string;
  readonly partials: string;

  constructor(root: string) {
    this.blobs = join(root, "blobs");
    this.partials = join(root, "partial");
  }

  blobDirectory(digest: Digest): string {
    return join(this.blobs, digestAlgorithm(digest), digestHex(digest).slice(0, 2));
  }

  blob(digest: Digest): string {
    return join(this.blobDirectory(digest), digestHex(digest));
  }

  partial(digest: Digest): string {
    return join(this.partials, `${digestAlgorithm(digest)}-${digestHex(digest)}`);
  }

  partialRecord(digest: Digest): string {
    return `${this.partial(digest)}.json`;
  }

  /** From a path below `blobs` (`sha256/ab/abcd…`) to its digest; undefined for a stranger's file. */
  static digestOfPath(path: string): Digest | undefined {
    const [algorithm, prefix, hex, ...rest] = path.split("/");
    if (rest.length > 0 || !hex || prefix !== hex.slice(0, 2)) return undefined;
    return asDigest(`${algorithm}:${hex}`);
  }
}
