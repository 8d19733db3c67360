import { HostPatterns, isHostPattern } from "../oci/host-patterns.ts";
import { canonicalHost, withoutDefaultPort, withoutPort } from "../oci/registry-host.ts";

/** By which names requests may mean one upstream. */
export interface UpstreamRoute {
  /** Canonical host, or a pattern: `docker.io`, `*.pkg.dev`, `*`. */
  host: string;
  /** A first component of names that means it as well: `hub`. Not of patterns. */
  prefix: string | undefined;
  /** Host names of the mirror at which it is meant, in lower case, with a port or for all of them. */
  hosts: readonly string[];
}

/** Looks registries up by each thing that a request may say. Hosts are given in lower case. */
export class RouteTable {
  readonly #hosts: ReadonlySet<string>;
  readonly #patterns: HostPatterns;
  readonly #prefixes: ReadonlyMap<string, string>;
  readonly #addresses: ReadonlyMap<string, string>;
  readonly #ownHosts: ReadonlySet<string>;

  /** `ownHosts`: further names of the mirror itself, like `UpstreamRoute.hosts`. */
  constructor(upstreams: readonly UpstreamRoute[], ownHosts: readonly string[]) {
    const hosts = upstreams.map(({ host }) => host);
    this.#hosts = new Set(hosts.filter((host) => !isHostPattern(host)));
    this.#patterns = new HostPatterns(hosts);
    this.#prefixes = new Map(
      upstreams.flatMap(({ host, prefix }) => (prefix === undefined ? [] : [[prefix, host]])),
    );
    this.#addresses = new Map(
      upstreams.flatMap((upstream) => upstream.hosts.map((name) => [name, upstream.host])),
    );
    this.#ownHosts = new Set(ownHosts);
  }

  /** The registry with this host, by any of its names, if it is configured by name. */
  findConfigured(host: string): string | undefined {
    return [host, withoutDefaultPort(host)]
      .map(canonicalHost)
      .find((name) => this.#hosts.has(name));
  }

  /**
   * Also those that a pattern lets in, which the mirror itself never is. However a port is written,
   * it is the same registry, to which the same rules and the more exact patterns apply.
   */
  findByHost(host: string): string | undefined {
    const configured = this.findConfigured(host);
    if (configured !== undefined) return configured;
    if (this.isOwn(host)) return undefined;
    const names = [withoutDefaultPort(host), host].map(canonicalHost);
    return names.find((name) => this.#patterns.find(name) !== undefined);
  }

  /** The registry that is meant by whoever came to this host of the mirror. */
  findByAddress(address: string): string | undefined {
    return this.#addresses.get(address) ?? this.#addresses.get(withoutPort(address));
  }

  findByComponent(component: string): string | undefined {
    return this.#prefixes.get(component) ?? this.findByHost(component);
  }

  /** Whether the mirror itself has this host. */
  isOwn(host: string): boolean {
    const names = [host, withoutPort(host)];
    return names.some((name) => this.#ownHosts.has(name) || this.#addresses.has(name));
  }
}
