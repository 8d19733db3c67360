import type { Catalog } from "../../registry/catalog.ts";
import type {
  RepositoryDirectory,
  RepositoryRequest,
} from "../../registry/repository-directory.ts";
import { jsonReply, type Reply } from "../reply.ts";
import { parseCount } from "./count.ts";

interface CatalogSources {
  catalog: Catalog;
  directory: RepositoryDirectory;
}

const defaultCount = 100;
const maxCount = 1000;

/** https://distribution.github.io/distribution/spec/api/#listing-repositories, over what is here. */
export async function answerCatalog(
  { catalog, directory }: CatalogSources,
  asked: Omit<RepositoryRequest, "name">,
  query: URLSearchParams,
): Promise<Reply> {
  const limit = Math.min(parseCount(query) ?? defaultCount, maxCount);
  const registry = directory.findRegistry(asked);
  const last = query.get("last") ?? undefined;
  const page = await catalog.list({ registry, last, limit });
  const repositories = page.repositories.map((key) => directory.nameFor(key, asked));
  const reply = jsonReply(200, { repositories });
  const lastShown = repositories.at(-1);
  if (!page.hasMore || lastShown === undefined) return reply;
  const next = new URLSearchParams({ last: lastShown, n: String(limit) });
  if (asked.namespace !== undefined) next.set("ns", asked.namespace);
  const link = `</v2/_catalog?${next.toString()}>; rel="next"`;
  return { ...reply, headers: { ...reply.headers, Link: link } };
}
