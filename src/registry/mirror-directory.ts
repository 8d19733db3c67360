import type { Reference } from "../oci/reference.ts";
import { qualifyName, type QualifiedName, type RepositoryName } from "../oci/repository-name.ts";
import type { ManifestRecall } from "./manifest-recall.ts";
import { MirrorRepository } from "./mirror-repository.ts";
import type { MirroredRegistries } from "./mirrored-registries.ts";
import type { RepositoryDirectory, RepositoryRequest } from "./repository-directory.ts";
import type { ManifestAnswer, Repository } from "./repository.ts";
import { notMirrored } from "./route-refusal.ts";
import type { Routes } from "./routes.ts";

/** Repositories of the registries that are mirrored. */
export class MirrorDirectory implements RepositoryDirectory {
  readonly #routes: Routes;
  readonly #registries: MirroredRegistries;
  readonly #recall: Pick<ManifestRecall, "recall">;

  constructor(options: {
    routes: Routes;
    registries: MirroredRegistries;
    recall: Pick<ManifestRecall, "recall">;
  }) {
    this.#routes = options.routes;
    this.#registries = options.registries;
    this.#recall = options.recall;
  }

  find(request: RepositoryRequest): Repository {
    const { registry, name } = this.#routes.resolve(request);
    return this.get(registry, name);
  }

  recallManifest(key: QualifiedName, reference: Reference): ManifestAnswer | undefined {
    return this.#recall.recall(key, reference);
  }

  get(registry: string, name: RepositoryName): Repository {
    const mirror = this.#registries.find(registry);
    if (!mirror) throw notMirrored(registry);
    return new MirrorRepository(mirror, { name, key: qualifyName(registry, name) });
  }

  findRegistry(request: Omit<RepositoryRequest, "name">): string | undefined {
    return this.#routes.findRegistry(request);
  }

  nameFor(key: QualifiedName, request: Omit<RepositoryRequest, "name">): string {
    const registry = this.findRegistry(request);
    const isBare = registry !== undefined && key.startsWith(`${registry}/`);
    return isBare ? key.slice(registry.length + 1) : key;
  }
}
