import { ociIndex } from "../../oci/media-type.ts";
import type { Digest } from "../../oci/digest.ts";
import { formatReferrers } from "../../oci/referrers.ts";
import type { Repository } from "../../registry/repository.ts";
import type { Reply } from "../reply.ts";
import { stalenessHeaders } from "./content-headers.ts";

/**
 * Never in pages. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export async function answerReferrers(
  repository: Repository,
  { digest, artifactType }: { digest: Digest; artifactType: string | undefined },
): Promise<Reply> {
  const answer = await repository.listReferrers(digest, artifactType);
  const body = formatReferrers(answer.referrers);
  const headers = {
    "Content-Type": ociIndex,
    "Content-Length": body.length,
    ...stalenessHeaders(answer),
    ...(artifactType !== undefined && { "OCI-Filters-Applied": "artifactType" }),
  };
  return { status: 200, headers, body, cache: answer.cache };
}
