import type { Digest } from "./digest.ts";
import type { Platform } from "./platform.ts";

/** https://github.com/opencontainers/image-spec/blob/main/descriptor.md, as far as a mirror needs it. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** Bytes. */
  size: number;
  /** What an index says of a child. */
  platform?: Platform;
}
