import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { isManifestType } from "../../oci/media-type.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../../oci/platform.ts";
import type { Reference } from "../../oci/reference.ts";
import type { ManifestAnswer, Repository } from "../repository.ts";
import { unlessAborted } from "../../unless-aborted.ts";

interface ManifestWalkOptions {
  repository: Repository;
  platforms: readonly Platform[] | "all";
  signal: AbortSignal;
  describe: (error: unknown) => string;
}

/** Beyond what anybody publishes under one name; a bound on what an upstream can make of it. */
const maxManifests = 1000;
const maxDepth = 4;

/** Brings in what a name leads to: its manifest, for an index those of the platforms asked for. */
export class ManifestWalk {
  /** Config and layers of all of them. */
  readonly blobs = new Map<Digest, Descriptor>();
  /** Why something is missing. */
  readonly problems: string[] = [];
  /** All may be here, but perhaps not as upstream has it now. */
  warning: string | undefined;
  readonly #options: ManifestWalkOptions;
  readonly #seen = new Set<Digest>();

  constructor(options: ManifestWalkOptions) {
    this.#options = options;
  }

  /** Rejects if the name itself cannot be had; what lacks below it is among the problems. */
  async walk(reference: Reference): Promise<void> {
    const { repository, signal } = this.#options;
    const answer = await unlessAborted(repository.getManifest(reference), signal);
    this.warning = answer.warning;
    await this.#take(answer, 1);
  }

  async #take({ manifest }: ManifestAnswer, depth: number): Promise<void> {
    this.#seen.add(manifest.digest);
    const { blobs, manifests } = parseManifest(manifest.bytes, manifest.mediaType);
    for (const blob of blobs) if (!isForeign(blob)) this.blobs.set(blob.digest, blob);
    for (const child of this.#choose(manifests)) await this.#descend(child, depth + 1);
  }

  async #descend({ digest }: Descriptor, depth: number): Promise<void> {
    if (this.#seen.has(digest)) return;
    if (depth > maxDepth || this.#seen.size >= maxManifests) {
      this.problems.push(`manifest ${digest} is left out: the index holds too much`);
      return;
    }
    const { repository, signal, describe } = this.#options;
    this.#seen.add(digest);
    try {
      const reference = { kind: "digest", digest } as const;
      await this.#take(await unlessAborted(repository.getManifest(reference), signal), depth);
    } catch (error) {
      signal.throwIfAborted();
      this.problems.push(`manifest ${digest}: ${describe(error)}`);
    }
  }

  /**
   * An index that tells no platform of any child leaves nothing to choose by: all are taken. An
   * index within one is looked into. What is of an unknown type is passed over, as
   * https://github.com/opencontainers/image-spec/blob/main/image-index.md demands.
   */
  #choose(listed: Descriptor[]): Descriptor[] {
    const { platforms } = this.#options;
    const children = listed.filter(
      ({ mediaType }) => mediaType === "" || isManifestType(mediaType),
    );
    if (platforms === "all" || children.every(({ platform }) => platform === undefined)) {
      return children;
    }
    const missing = platforms.filter((asked) => !children.some((child) => fits(child, asked)));
    if (missing.length > 0) this.problems.push(describeMissing(missing, children));
    return children.filter((child) => platforms.some((asked) => fits(child, asked)));
  }
}

function fits({ platform }: Descriptor, asked: Platform): boolean {
  return platform !== undefined && matchesPlatform(asked, platform);
}

function describeMissing(missing: Platform[], children: Descriptor[]): string {
  const offered = children.flatMap(({ platform }) => (platform ? [platform] : []));
  const real = offered.filter(({ os }) => os !== "unknown").map(formatPlatform);
  const there = [...new Set(real)].join(", ");
  return `has no ${missing.map(formatPlatform).join(", ")}; it has ${there || "none that is named"}`;
}

/** Clients fetch these, of old Windows images, from the URLs in the manifest and from no registry. */
function isForeign({ mediaType }: Descriptor): boolean {
  return /\.foreign\.|\.nondistributable\./.test(mediaType);
}
