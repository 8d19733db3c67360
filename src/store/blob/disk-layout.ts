import { join } from "node:path";
import { asDigest, digestAlgorithm, digestHex, type Digest } from "../../oci/digest.ts";

/**
 * Where things are below the storage path: `blobs/sha256/ab/abcd…` for whole blobs,
 * `partial/sha256-abcd…` for those on their way in, with `….json` beside it for its extents,
 * `quarantine/sha256-abcd…` for damaged ones.
 */
export class DiskLayout {
  readonly blobs: string;
  readonly partials: string;
  readonly quarantine: string;

  constructor(root: string) {
    this.blobs = join(root, "blobs");
    this.partials = join(root, "partial");
    this.quarantine = join(root, "quarantine");
  }

  blobDirectory(digest: Digest): string {
    return join(this.blobs, digestAlgorithm(digest), digestHex(digest).slice(0, 2));
  }

  blob(digest: Digest): string {
    return join(this.blobDirectory(digest), digestHex(digest));
  }

  partial(digest: Digest): string {
    return join(this.partials, flatName(digest));
  }

  partialRecord(digest: Digest): string {
    return `${this.partial(digest)}.json`;
  }

  quarantined(digest: Digest): string {
    return join(this.quarantine, flatName(digest));
  }

  /** The digest of `abcd…` in `blobs/sha256/ab`; undefined for a stranger's file. */
  static digestOfBlob(algorithm: string, prefix: string, name: string): Digest | undefined {
    return name.startsWith(prefix) ? asDigest(`${algorithm}:${name}`) : undefined;
  }

  /**
   * The digest of `sha256-abcd…`, and of what is beside it for a partial blob; undefined for a
   * stranger's file.
   */
  static digestOfFlatName(name: string): Digest | undefined {
    const [, stem] = /^([^.]*)(?:\.json(?:\.new)?)?$/.exec(name) ?? [];
    return asDigest(stem?.replace("-", ":"));
  }
}

function flatName(digest: Digest): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest)}`;
}
