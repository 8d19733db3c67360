import { dockerHub, withLibrary } from "../oci/docker-hub.ts";
import { looksLikeHost } from "../oci/registry-host.ts";
import { parseRepositoryName, type RepositoryName } from "../oci/repository-name.ts";
import { splitFirst } from "../oci/requested-name.ts";
import type { RepositoryRequest } from "./repository-directory.ts";
import { notMirrored } from "./route-refusal.ts";
import { RouteTable, type UpstreamRoute } from "./route-table.ts";

interface RoutesOptions {
  upstreams: readonly UpstreamRoute[];
  /** Canonical host of one of them. */
  defaultUpstream: string;
  /** Names of the mirror itself, in lower case, with a port or for all of them. */
  ownHosts: readonly string[];
}

/** A repository's place: the canonical host of its registry, and its whole name there. */
interface Place {
  registry: string;
  name: RepositoryName;
}

type Asked = Omit<RepositoryRequest, "name">;

/**
 * Which registry a request means. The first of these that says something decides:
 * 1. `ns`, unless it is a name of the mirror itself;
 * 2. the `Host` header, if it is one of some upstream's `hosts`;
 * 3. the name's first component, if it is some upstream's prefix or the host of a registry that is
 *    mirrored;
 * 4. the configuration's default.
 *
 * Where 1 or 2 decided, a first component that means the same registry is left out of the name, as
 * buildkit and k3s send both. Where Docker Hub is the default, whose namespaces hold no dots, a first
 * component that looks like a host is a registry that is not mirrored, and none of its namespaces.
 */
export class Routes {
  readonly #table: RouteTable;
  readonly #default: string;

  constructor({ upstreams, defaultUpstream, ownHosts }: RoutesOptions) {
    this.#table = new RouteTable(upstreams, ownHosts);
    this.#default = defaultUpstream;
  }

  /** Throws RegistryError NAME_UNKNOWN for a registry that is not mirrored, NAME_INVALID for no name. */
  resolve(request: RepositoryRequest): Place {
    const registry = this.findRegistry(request);
    if (registry === undefined) return this.#resolveName(request.name);
    const { first, rest } = splitFirst(request.name);
    const isRepeated = first !== undefined && this.#findComponent(first) === registry;
    return placeAt(registry, isRepeated ? rest : request.name);
  }

  /**
   * The registry that a request means whatever name it is for; undefined: it does not say. Throws
   * RegistryError NAME_UNKNOWN when that one is not mirrored.
   */
  findRegistry({ namespace, host }: Asked): string | undefined {
    const address = host?.toLowerCase();
    return (
      this.#findNamed(namespace?.toLowerCase(), address) ??
      (address === undefined ? undefined : this.#table.findByAddress(address))
    );
  }

  /** A name of the mirror itself is what clients send that pull from it as from any registry. */
  #findNamed(namespace: string | undefined, address: string | undefined): string | undefined {
    if (namespace === undefined) return undefined;
    const known = this.#table.findConfigured(namespace) ?? this.#table.findByAddress(namespace);
    if (known !== undefined) return known;
    if (namespace === address || this.#table.isOwn(namespace)) return undefined;
    const letIn = this.#table.findByHost(namespace);
    if (letIn === undefined) throw notMirrored(namespace);
    return letIn;
  }

  #resolveName(name: string): Place {
    const { first, rest } = splitFirst(name);
    if (first === undefined) return placeAt(this.#default, name);
    const registry = this.#findComponent(first);
    if (registry !== undefined) return placeAt(registry, rest);
    const isForeign = looksLikeHost(first) && (this.#default === dockerHub || first.includes(":"));
    if (isForeign) throw notMirrored(first.toLowerCase());
    return placeAt(this.#default, name);
  }

  #findComponent(component: string): string | undefined {
    return this.#table.findByComponent(component.toLowerCase());
  }
}

function placeAt(registry: string, text: string): Place {
  const name = parseRepositoryName(text);
  return { registry, name: registry === dockerHub ? withLibrary(name) : name };
}
