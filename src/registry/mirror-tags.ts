import { LRUCache } from "lru-cache";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Tag } from "../oci/reference.ts";
import type { MetadataStore, TagRecord } from "../store/metadata/metadata-store.ts";
import { UpstreamError, type Upstream } from "../upstream/upstream.ts";
import type { MirroredName, MirrorManifests } from "./mirror-manifests.ts";
import type { NegativeAnswers } from "./negative-answers.ts";
import { withinPatience } from "./patience.ts";
import type { ManifestAnswer } from "./repository.ts";
import { RevalidationPace } from "./revalidation-pace.ts";
import type { RuleBook, RuleValues } from "./rule-book.ts";
import { SingleFlight } from "./single-flight.ts";
import { isHit, judgeFreshness } from "./tag-freshness.ts";
import type { IsTagPinned } from "./tag-pins.ts";
import { describeOutage, isOutage } from "./upstream-trouble.ts";

/** While upstream is in trouble with a tag, it is asked about it in the background only. */
const outageMemoryMs = 10_000;

/** Not `max`, for which the room is taken at once: each of many registries has its own. */
const bounds = { maxSize: 10_000, sizeCalculation: () => 1 };

interface Copy {
  manifest: Manifest;
  record: TagRecord;
}

/** One tag that is asked for. */
interface Question {
  repository: MirroredName;
  tag: Tag;
  /** Of both. */
  key: string;
  rules: RuleValues;
}

/** Tags: from here while fresh, else as upstream says, else as it last said. */
export class MirrorTags {
  readonly #upstream: Upstream;
  readonly #metadata: MetadataStore;
  readonly #manifests: MirrorManifests;
  readonly #negative: NegativeAnswers;
  readonly #clock: Clock;
  readonly #rules: RuleBook;
  readonly #patienceMs: number;
  readonly #negativeTtlMs: number;
  readonly #isPinned: IsTagPinned;
  readonly #pace: RevalidationPace;
  readonly #flights = new SingleFlight<ManifestAnswer | undefined>();
  readonly #outages = new LRUCache<string, { error: UpstreamError; until: number }>(bounds);
  /** What upstream has no more, and rules or pins keep; by when to ask again. */
  readonly #gone = new LRUCache<string, { warning: string; until: number }>(bounds);

  constructor(options: {
    upstream: Upstream;
    metadata: MetadataStore;
    manifests: MirrorManifests;
    negative: NegativeAnswers;
    clock: Clock;
    log: Logger;
    rules: RuleBook;
    /** How long a client waits for upstream while there is a copy to serve. */
    revalidateTimeoutMs: number;
    negativeTtlMs: number;
    /** What is pinned is kept when upstream deletes it. */
    isPinned: IsTagPinned;
  }) {
    this.#upstream = options.upstream;
    this.#metadata = options.metadata;
    this.#manifests = options.manifests;
    this.#negative = options.negative;
    this.#clock = options.clock;
    this.#rules = options.rules;
    this.#patienceMs = options.revalidateTimeoutMs;
    this.#negativeTtlMs = options.negativeTtlMs;
    this.#isPinned = options.isPinned;
    this.#pace = new RevalidationPace(options);
  }

  /** undefined: upstream does not have the tag. Throws UpstreamError where there is no copy to serve. */
  async find(repository: MirroredName, tag: Tag): Promise<ManifestAnswer | undefined> {
    const rules = this.#rules.resolve(repository.key, tag);
    const question = { repository, tag, key: `${repository.key}:${tag}`, rules };
    const copy = await this.#findCopy(repository, tag);
    return copy ? this.#confirm(question, copy) : this.#findAnew(question);
  }

  /**
   * What upstream last said of the tag, without asking it; undefined: nothing is here, or it is
   * older than it may be.
   */
  async findLast(
    repository: MirroredName,
    tag: Tag,
  ): Promise<{ manifest: Manifest; checkedAt: number } | undefined> {
    const copy = await this.#findCopy(repository, tag);
    if (!copy) return undefined;
    const { manifest, record } = copy;
    const rules = this.#rules.resolve(repository.key, tag);
    const freshness = judgeFreshness(record.checkedAt, this.#clock.now(), rules);
    const isUsable = rules.immutable || freshness !== "expired";
    return isUsable ? { manifest, checkedAt: record.checkedAt } : undefined;
  }

  async #findCopy(repository: MirroredName, tag: Tag): Promise<Copy | undefined> {
    const record = await this.#metadata.findTag(repository.key, tag);
    const manifest = record && (await this.#manifests.findStored(repository, record.digest));
    return manifest && { manifest, record };
  }

  async #findAnew(question: Question): Promise<ManifestAnswer | undefined> {
    return this.#negative.has(question.key) ? undefined : this.#askOnce(question);
  }

  async #confirm(question: Question, copy: Copy): Promise<ManifestAnswer | undefined> {
    const { key, rules } = question;
    const freshness = judgeFreshness(copy.record.checkedAt, this.#clock.now(), rules);
    if (isHit(freshness, rules)) return { manifest: copy.manifest, cache: "HIT" };
    const gone = this.#gone.get(key);
    if (gone && this.#clock.monotonic() < gone.until) return this.#stale(copy, gone.warning);
    if (freshness === "expired") return this.#askOnce(question);
    if (!this.#pace.admit(key, copy.record.checkedAt)) return this.#stale(copy, this.#pace.warning);
    return this.#withinPatience(this.#askOnce(question), copy, key);
  }

  /** Upstream's answer if it comes in time, else the copy. */
  async #withinPatience(
    asked: Promise<ManifestAnswer | undefined>,
    copy: Copy,
    key: string,
  ): Promise<ManifestAnswer | undefined> {
    const outage = this.#outages.get(key);
    if (outage && this.#clock.monotonic() < outage.until) {
      asked.catch(() => undefined);
      return this.#standIn(copy, outage.error);
    }
    try {
      return await withinPatience(asked, { clock: this.#clock, patienceMs: this.#patienceMs });
    } catch (error) {
      if (!isOutage(error)) throw error;
      this.#noteOutage(key, error);
      return this.#standIn(copy, error);
    }
  }

  #askOnce(question: Question): Promise<ManifestAnswer | undefined> {
    return this.#flights.run(question.key, () => this.#ask(question));
  }

  async #ask(question: Question): Promise<ManifestAnswer | undefined> {
    const { repository, tag, key } = question;
    const answer = await this.#fetch(question);
    this.#outages.delete(key);
    if (!answer)
      return (await this.#keep(question, "no longer has this tag")) ?? this.#forget(question);
    if (answer.cache === "STALE") return answer;
    this.#gone.delete(key);
    const { digest } = answer.manifest;
    await this.#metadata.saveTag(repository.key, tag, digest, this.#clock.now());
    return answer;
  }

  async #fetch(question: Question): Promise<ManifestAnswer | undefined> {
    const { repository, tag } = question;
    try {
      const head = await this.#upstream.headManifest(repository.name, { kind: "tag", tag });
      return head && (await this.#fetchHead(repository, tag, head));
    } catch (error) {
      // Docker Hub denies access to repositories that were deleted.
      const isDenied = error instanceof UpstreamError && error.failure === "denied";
      const kept = isDenied && (await this.#keep(question, "denies access to this tag"));
      if (kept) return kept;
      throw error;
    }
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
    const found = await this.#manifests.find(repository, head.digest, { isVouched: true });
    if (found) return { manifest: found.manifest, cache: "MISS" };
    // The tag moved between HEAD and GET, and upstream keeps no untagged manifest.
    const manifest = await this.#upstream.getManifest(repository.name, { kind: "tag", tag });
    if (!manifest) return undefined;
    await this.#manifests.save(repository, manifest);
    return { manifest, cache: "MISS" };
  }

  /** The copy, where rules or pins keep it; upstream is then not asked about the tag for a while. */
  async #keep(question: Question, trouble: string): Promise<ManifestAnswer | undefined> {
    const { repository, tag, key, rules } = question;
    const isKept = rules.onUpstreamDelete === "keep" || rules.pin;
    if (!isKept && !(await this.#isPinned(repository.key, tag))) return undefined;
    const copy = await this.#findCopy(repository, tag);
    if (!copy) return undefined;
    const warning = `${this.#upstream.host} ${trouble}; this is what it last had`;
    const pauseMs = Math.max(this.#negativeTtlMs, rules.revalidateAfterMs);
    this.#gone.set(key, { warning, until: this.#clock.monotonic() + pauseMs });
    return this.#stale(copy, warning);
  }

  async #forget({ repository, tag, key }: Question): Promise<undefined> {
    this.#negative.add(key);
    await this.#metadata.deleteTag(repository.key, tag);
    return undefined;
  }

  #noteOutage(key: string, error: UpstreamError): void {
    this.#outages.set(key, { error, until: this.#clock.monotonic() + outageMemoryMs });
  }

  #standIn(copy: Copy, error: UpstreamError): ManifestAnswer {
    return this.#stale(copy, describeOutage(error, this.#upstream.host));
  }

  #stale({ manifest, record }: Copy, warning: string): ManifestAnswer {
    const ageMs = Math.max(0, this.#clock.now() - record.checkedAt);
    return { manifest, cache: "STALE", warning, ageMs };
  }
}
