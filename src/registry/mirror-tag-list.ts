import type { MetadataStore } from "../store/metadata/metadata-store.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { MirroredName } from "./mirror-manifests.ts";
import type { TagListAnswer } from "./repository.ts";
import { describeOutage, isOutage } from "./upstream-trouble.ts";

const defaultPageSize = 1000;

/** Tag lists as upstream has them; while it is away, the tags that were pulled through here. */
export class MirrorTagList {
  readonly #upstream: Upstream;
  readonly #metadata: MetadataStore;

  constructor(options: { upstream: Upstream; metadata: MetadataStore }) {
    this.#upstream = options.upstream;
    this.#metadata = options.metadata;
  }

  /** undefined: upstream does not have the repository. Throws UpstreamError. */
  async list(repository: MirroredName, query: URLSearchParams): Promise<TagListAnswer | undefined> {
    try {
      const page = await this.#upstream.listTags(repository.name, query);
      return page && { ...page, cache: "MISS" };
    } catch (error) {
      if (!isOutage(error)) throw error;
      const known = await this.#listKnown(repository, query);
      if (known.tags.length === 0 && !query.has("last")) throw error;
      return { ...known, cache: "STALE", warning: describeOutage(error, this.#upstream.host) };
    }
  }

  async #listKnown(
    { key }: MirroredName,
    query: URLSearchParams,
  ): Promise<{ tags: string[]; next: string | undefined }> {
    const limit = Number(query.get("n") ?? defaultPageSize);
    const after = query.get("last");
    const page = { limit: limit + 1, ...(after === null ? {} : { after }) };
    const found = await this.#metadata.listTags(key, page);
    const tags: string[] = found.slice(0, limit);
    const last = tags.at(-1);
    const hasMore = found.length > limit && last !== undefined;
    const next = hasMore ? new URLSearchParams({ last, n: String(limit) }) : undefined;
    return { tags, next: next?.toString() };
  }
}
