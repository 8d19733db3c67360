import type { Digest } from "./digest.ts";

/**
 * A descriptor in the answer of the referrers API:
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export interface Referrer {
  mediaType: string;
  digest: Digest;
  size: number;
  artifactType?: string;
  annotations?: Readonly<Record<string, string>>;
}
