import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import { parseManifest, type Manifest } from "../oci/manifest.ts";
import type { QualifiedName, RepositoryName } from "../oci/repository-name.ts";
import type { MetadataStore } from "../store/metadata/metadata-store.ts";
import { UpstreamError, type Upstream } from "../upstream/upstream.ts";
import type { NegativeAnswers } from "./negative-answers.ts";
import type { CacheStatus } from "./repository.ts";
import { SingleFlight } from "./single-flight.ts";

/** A repository of an upstream: its name there, and the key of all we keep about it. */
export interface MirroredName {
  name: RepositoryName;
  key: QualifiedName;
}

/** Far more than anybody publishes: each is recorded in one step, which all requests wait for. */
const maxReferences = 10_000;

interface FoundManifest {
  manifest: Manifest;
  cache: CacheStatus;
}

/** Manifests by digest: from here, else from upstream, which then are kept. */
export class MirrorManifests {
  readonly #upstream: Upstream;
  readonly #metadata: MetadataStore;
  readonly #negative: NegativeAnswers;
  readonly #clock: Clock;
  readonly #flights = new SingleFlight<FoundManifest | undefined>();

  constructor(options: {
    upstream: Upstream;
    metadata: MetadataStore;
    negative: NegativeAnswers;
    clock: Clock;
  }) {
    this.#upstream = options.upstream;
    this.#metadata = options.metadata;
    this.#negative = options.negative;
    this.#clock = options.clock;
  }

  /** What the repository may read and is here. */
  async findStored({ key }: MirroredName, digest: Digest): Promise<Manifest | undefined> {
    const { linked, content } = await this.#metadata.findManifest(key, digest);
    return linked ? content : undefined;
  }

  /**
   * `isVouched`: the registry said just now that the repository has it. undefined: upstream does not
   * have it. Throws UpstreamError.
   */
  async find(
    repository: MirroredName,
    digest: Digest,
    { isVouched = false } = {},
  ): Promise<FoundManifest | undefined> {
    const stored = await this.findStored(repository, digest);
    if (stored) return { manifest: stored, cache: "HIT" };
    const flight = `${repository.key}@${digest}`;
    if (this.#negative.has(flight)) return undefined;
    const found = await this.#flights.run(flight, () => this.#ask(repository, digest, isVouched));
    if (!found) this.#negative.add(flight);
    return found;
  }

  /** Keeps what upstream sent for the repository. */
  async save({ key }: MirroredName, manifest: Manifest): Promise<void> {
    const { blobs, manifests, subject } = parseManifest(manifest.bytes, manifest.mediaType);
    const references = [...blobs, ...manifests];
    if (references.length > maxReferences) {
      const problem = `manifest ${manifest.digest} refers to ${references.length} manifests and blobs`;
      throw new UpstreamError("invalid", `${problem}; up to ${maxReferences} are taken`);
    }
    await this.#metadata.saveManifest({
      repository: key,
      manifest,
      references,
      subject,
      at: this.#clock.now(),
    });
  }

  /** A content endpoint is asked only for what the repository has a right to: it proves none. */
  async #ask(
    repository: MirroredName,
    digest: Digest,
    isVouched: boolean,
  ): Promise<FoundManifest | undefined> {
    const reference = { kind: "digest", digest } as const;
    const { linked, content } = await this.#metadata.findManifest(repository.key, digest);
    if (content) {
      // Here through another repository: only the right to it has to be asked for.
      const head = await this.#upstream.headManifest(repository.name, reference);
      if (!head) return undefined;
      await this.save(repository, content);
      return { manifest: content, cache: "REVALIDATED" };
    }
    const trust = isVouched || linked ? undefined : "full";
    const manifest = await this.#upstream.getManifest(repository.name, reference, trust);
    if (!manifest) return undefined;
    await this.save(repository, manifest);
    return { manifest, cache: "MISS" };
  }
}
