import type { Digest } from "./digest.ts";

/** https://github.com/opencontainers/image-spec/blob/main/descriptor.md, as far as a mirror needs it. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** Bytes. */
  size: number;
}
