import type { QualifiedName } from "../oci/repository-name.ts";

/** The part of InventoryStore that lists names; `after` is any text to begin behind, in byte order. */
interface RepositoryList {
  listRepositories(page: { after?: string | undefined; limit: number }): Promise<QualifiedName[]>;
}

interface CatalogQuery {
  /** Canonical host; undefined: of all. */
  registry: string | undefined;
  /** To begin behind: without the registry where one is given. Need not be a name of anything. */
  last: string | undefined;
  limit: number;
}

interface CatalogPage {
  repositories: QualifiedName[];
  hasMore: boolean;
}

/** The repositories of which anything is here, whichever registry they are from. */
export class Catalog {
  readonly #inventory: RepositoryList;

  constructor(options: { inventory: RepositoryList }) {
    this.#inventory = options.inventory;
  }

  /** In byte order. */
  async list({ registry, last, limit }: CatalogQuery): Promise<CatalogPage> {
    if (limit === 0) return { repositories: [], hasMore: false };
    const prefix = registry === undefined ? "" : `${registry}/`;
    const after = `${prefix}${last ?? ""}`;
    const found = await this.#inventory.listRepositories({ after, limit: limit + 1 });
    const wanted = found.filter((repository) => repository.startsWith(prefix));
    return { repositories: wanted.slice(0, limit), hasMore: wanted.length > limit };
  }
}
