import type { Repository } from "../../registry/repository.ts";
import { jsonReply, type Reply } from "../reply.ts";
import { stalenessHeaders } from "./content-headers.ts";
import { parseCount } from "./count.ts";
import type { TagsRoute } from "./path.ts";

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags */
export async function answerTags(repository: Repository, route: TagsRoute): Promise<Reply> {
  const { name, query } = route;
  parseCount(query);
  const answer = await repository.listTags(query);
  const reply = jsonReply(200, { name, tags: answer.tags });
  const headers = {
    ...reply.headers,
    ...stalenessHeaders(answer),
    ...(answer.next !== undefined && { Link: formatNextLink(route, answer.next) }),
  };
  return { ...reply, headers, cache: answer.cache };
}

/** Relative, as behind a reverse proxy we do not know the host; percent-encoded anew, as upstream wrote it. */
function formatNextLink({ name, namespace }: TagsRoute, next: string): string {
  const query = new URLSearchParams(next);
  if (namespace !== undefined) query.set("ns", namespace);
  return `</v2/${name}/tags/list?${query.toString()}>; rel="next"`;
}
