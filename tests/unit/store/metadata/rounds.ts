import type { Descriptor } from "../../../../src/oci/descriptor.ts";
import { digestOf } from "../../../../src/oci/digest.ts";
import type { Manifest } from "../../../../src/oci/manifest.ts";
import { ociManifest } from "../../../../src/oci/media-type.ts";
import { parseTag, type Tag } from "../../../../src/oci/reference.ts";
import { parseRepositoryName, qualifyName } from "../../../../src/oci/repository-name.ts";

export const repository = qualifyName("docker.io", parseRepositoryName("library/node"));

/** One save after another, each told by its number. */
export function makeRound(number: number): { manifest: Manifest; layer: Descriptor; tag: Tag } {
  const bytes = Buffer.from(JSON.stringify({ number, filler: "x".repeat(3000) }));
  const digest = digestOf(Buffer.from(`layer ${number}`));
  return {
    manifest: { digest: digestOf(bytes), mediaType: ociManifest, bytes },
    layer: { mediaType: "application/octet-stream", digest, size: number },
    tag: parseTag(`v${number}`),
  };
}
