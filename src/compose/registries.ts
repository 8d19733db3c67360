import { LRUCache } from "lru-cache";
import type { Config } from "../config/config.ts";
import { HostPatterns, isHostPattern } from "../oci/host-patterns.ts";
import type { MirroredRegistries } from "../registry/mirrored-registries.ts";
import type { MirroredRegistry } from "../registry/mirror-repository.ts";
import type { Statistics } from "../registry/statistics.ts";
import { buildMirroredRegistry, type MirrorParts } from "./mirrored-registry.ts";
import { openUpstream } from "./upstreams.ts";

/**
 * As clients name them, they may be many. One that is dropped ends by itself: its requests in flight
 * go on, its idle connections close.
 */
const maxLetIn = 500;

interface RegistriesParts {
  config: Config;
  mirror: MirrorParts;
  statistics: Statistics;
}

/** The registries of the configuration; those that a pattern lets in are made when they are asked for. */
export class Registries implements MirroredRegistries, AsyncDisposable {
  readonly #parts: RegistriesParts;
  readonly #held = new AsyncDisposableStack();
  readonly #named: ReadonlyMap<string, MirroredRegistry>;
  readonly #patterns: HostPatterns;
  readonly #letIn = new LRUCache<
    string,
    { registry: MirroredRegistry; held: AsyncDisposableStack }
  >({
    max: maxLetIn,
  });

  constructor(parts: RegistriesParts) {
    this.#parts = parts;
    const hosts = [...parts.config.upstreams.keys()];
    this.#patterns = new HostPatterns(hosts);
    const named = hosts.filter((host) => !isHostPattern(host));
    this.#named = new Map(named.map((host) => [host, this.#build(host, host, this.#held)]));
  }

  find(host: string): MirroredRegistry | undefined {
    const known = this.#named.get(host) ?? this.#letIn.get(host)?.registry;
    if (known) return known;
    const pattern = this.#patterns.find(host);
    if (pattern === undefined) return undefined;
    const held = new AsyncDisposableStack();
    const registry = this.#build(host, pattern, held);
    this.#letIn.set(host, { registry, held });
    return registry;
  }

  list(): MirroredRegistry[] {
    return [...this.#named.values(), ...[...this.#letIn.values()].map(({ registry }) => registry)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#letIn.values()].map(({ held }) => held.disposeAsync()));
    await this.#held.disposeAsync();
  }

  /** `key` of the configuration: the host itself, or the pattern that lets it in. */
  #build(host: string, key: string, held: AsyncDisposableStack): MirroredRegistry {
    const { config, mirror, statistics } = this.#parts;
    const settings = config.upstreams.get(key);
    if (!settings) throw new Error(`no upstream ${key} is configured`);
    const { basics } = mirror;
    const upstream = openUpstream(
      { host, settings, isLetIn: key !== host, basics, statistics },
      held,
    );
    return buildMirroredRegistry(upstream, mirror);
  }
}
