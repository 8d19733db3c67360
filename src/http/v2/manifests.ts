import type { IncomingHttpHeaders } from "node:http";
import type { Reference } from "../../oci/reference.ts";
import type { Repository } from "../../registry/repository.ts";
import { matchesNone } from "../conditions.ts";
import type { Reply } from "../reply.ts";
import { digestHeaders, stalenessHeaders } from "./content-headers.ts";

/** The same whatever `Accept` says: what is stored is sent, never converted and never withheld. */
export async function answerManifest(
  repository: Repository,
  reference: Reference,
  asked: IncomingHttpHeaders,
): Promise<Reply> {
  const answer = await repository.getManifest(reference);
  const { digest, mediaType, bytes } = answer.manifest;
  const headers = { ...digestHeaders(digest), ...stalenessHeaders(answer) };
  if (!matchesNone(asked["if-none-match"], digest)) {
    return { status: 304, headers, cache: answer.cache };
  }
  return {
    status: 200,
    headers: { ...headers, "Content-Type": mediaType, "Content-Length": bytes.length },
    body: bytes,
    cache: answer.cache,
  };
}
