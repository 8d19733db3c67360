import type { IncomingHttpHeaders } from "node:http";
import type { Reference } from "../../oci/reference.ts";
import type { ManifestAnswer, Repository } from "../../registry/repository.ts";
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
  const isUnchanged = !matchesNone(asked["if-none-match"], answer.manifest.digest);
  return manifestReply(answer, isUnchanged);
}

/** `isUnchanged`: the client has it already. */
export function manifestReply(answer: ManifestAnswer, isUnchanged: boolean) {
  const { digest, mediaType, bytes } = answer.manifest;
  const headers = { ...digestHeaders(digest), ...stalenessHeaders(answer) };
  if (isUnchanged) return { status: 304, headers, cache: answer.cache };
  return {
    status: 200,
    headers: { ...headers, "Content-Type": mediaType, "Content-Length": bytes.length },
    body: bytes,
    cache: answer.cache,
  };
}
