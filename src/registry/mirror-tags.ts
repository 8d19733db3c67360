import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Tag } from "../oci/reference.ts";
import type { MetadataStore, TagRecord } from "../store/metadata/metadata-store.ts";
import { UpstreamError, type Upstream } from "../upstream/upstream.ts";
import type { MirroredName, MirrorManifests } from "./mirror-manifests.ts";
import type { NegativeAnswers } from "./negative-answers.ts";
import type { ManifestAnswer } from "./repository.ts";
import { SingleFlight } from "./single-flight.ts";
import { judgeFreshness, type FreshnessRules } from "./tag-freshness.ts";
import { describeOutage, isOutage } from "./upstream-trouble.ts";

export interface TagRules extends FreshnessRules {
  /** How long a client waits for upstream while there is a copy to serve. */
  revalidateTimeoutMs: number;
}

/** While upstream is in trouble with a tag, it is asked about it in the background only. */
const outageMemoryMs = 10_000;

interface Copy {
  manifest: Manifest;
  record: TagRecord;
}

/** Tags: from here while fresh, else as upstream says, else as it last said. */
export class MirrorTags {
  readonly #upstream: Upstream;
  readonly #metadata: MetadataStore;
  readonly #manifests: MirrorManifests;
  readonly #negative: NegativeAnswers;
  readonly #clock: Clock;
  readonly #rules: TagRules;
  readonly #flights = new SingleFlight<ManifestAnswer | undefined>();
  readonly #outages = new LRUCache<string, { error: UpstreamError; until: number }>({
    max: 10_000,
  });

  constructor(options: {
    upstream: Upstream;
    metadata: MetadataStore;
    manifests: MirrorManifests;
    negative: NegativeAnswers;
    clock: Clock;
    rules: TagRules;
  }) {
    this.#upstream = options.upstream;
    this.#metadata = options.metadata;
    this.#manifests = options.manifests;
    this.#negative = options.negative;
    this.#clock = options.clock;
    this.#rules = options.rules;
  }

  /** undefined: upstream does not have the tag. Throws UpstreamError where there is no copy to serve. */
  async find(repository: MirroredName, tag: Tag): Promise<ManifestAnswer | undefined> {
    const copy = await this.#findCopy(repository, tag);
    const freshness = copy && judgeFreshness(copy.record.checkedAt, this.#clock.now(), this.#rules);
    if (copy && freshness === "fresh") return { manifest: copy.manifest, cache: "HIT" };
    const flight = `${repository.key}:${tag}`;
    if (!copy && this.#negative.has(flight)) return undefined;
    const asked = this.#flights.run(flight, () => this.#ask(repository, tag, flight));
    if (!copy || freshness === "expired") return asked;
    return this.#withinPatience(asked, copy, flight);
  }

  async #findCopy(repository: MirroredName, tag: Tag): Promise<Copy | undefined> {
    const record = await this.#metadata.findTag(repository.key, tag);
    const manifest = record && (await this.#manifests.findStored(repository, record.digest));
    return manifest && { manifest, record };
  }

  /** Upstream's answer if it comes in time, else the copy. */
  async #withinPatience(
    asked: Promise<ManifestAnswer | undefined>,
    copy: Copy,
    flight: string,
  ): Promise<ManifestAnswer | undefined> {
    const outage = this.#outages.get(flight);
    if (outage && this.#clock.monotonic() < outage.until) {
      asked.catch(() => undefined);
      return this.#stale(copy, outage.error);
    }
    const patience = new AbortController();
    const tooLate = this.#clock
      .sleep(this.#rules.revalidateTimeoutMs, patience.signal)
      .then(() => Promise.reject(new UpstreamError("timeout", "revalidation took too long")));
    try {
      return await Promise.race([asked, tooLate]);
    } catch (error) {
      if (!isOutage(error)) throw error;
      this.#noteOutage(flight, error);
      return this.#stale(copy, error);
    } finally {
      patience.abort();
      asked.catch(() => undefined);
      tooLate.catch(() => undefined);
    }
  }

  async #ask(
    repository: MirroredName,
    tag: Tag,
    flight: string,
  ): Promise<ManifestAnswer | undefined> {
    const head = await this.#upstream.headManifest(repository.name, { kind: "tag", tag });
    const answer = head && (await this.#fetchHead(repository, tag, head));
    this.#outages.delete(flight);
    if (!answer) {
      this.#negative.add(flight);
      await this.#metadata.deleteTag(repository.key, tag);
      return undefined;
    }
    const { digest } = answer.manifest;
    await this.#metadata.saveTag(repository.key, tag, digest, this.#clock.now());
    return answer;
  }

  /** Makes sure that the tag's manifest is here before the tag moves to it. */
  async #fetchHead(
    repository: MirroredName,
    tag: Tag,
    head: NonNullable<Awaited<ReturnType<Upstream["headManifest"]>>>,
  ): Promise<ManifestAnswer | undefined> {
    const stored = await this.#manifests.findStored(repository, head.digest);
    if (stored) return { manifest: stored, cache: "REVALIDATED" };
    if (head.manifest) {
      await this.#manifests.save(repository, head.manifest);
      return { manifest: head.manifest, cache: "MISS" };
    }
    const found = await this.#manifests.find(repository, head.digest);
    if (found) return { manifest: found.manifest, cache: "MISS" };
    // The tag moved between HEAD and GET, and upstream keeps no untagged manifest.
    const manifest = await this.#upstream.getManifest(repository.name, { kind: "tag", tag });
    if (!manifest) return undefined;
    await this.#manifests.save(repository, manifest);
    return { manifest, cache: "MISS" };
  }

  #noteOutage(flight: string, error: UpstreamError): void {
    this.#outages.set(flight, { error, until: this.#clock.monotonic() + outageMemoryMs });
  }

  #stale(copy: Copy, error: UpstreamError): ManifestAnswer {
    return {
      manifest: copy.manifest,
      cache: "STALE",
      warning: describeOutage(error, this.#upstream.host),
      ageMs: Math.max(0, this.#clock.now() - copy.record.checkedAt),
    };
  }
}
