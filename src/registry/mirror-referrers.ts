import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Manifest } from "../oci/manifest.ts";
import { isIndexType } from "../oci/media-type.ts";
import type { Referrer } from "../oci/referrer.ts";
import { describeReferrer, formatReferrers, parseReferrers } from "../oci/referrers.ts";
import { referrersTag } from "../oci/referrers-tag.ts";
import type { InventoryStore } from "../store/metadata/inventory-store.ts";
import { MetadataError } from "../store/metadata/metadata-error.ts";
import { UpstreamError, type Upstream } from "../upstream/upstream.ts";
import type { MirroredName, MirrorManifests } from "./mirror-manifests.ts";
import type { MirrorTags } from "./mirror-tags.ts";
import { withinPatience } from "./patience.ts";
import type { ReferrersAnswer } from "./repository.ts";
import type { RuleBook } from "./rule-book.ts";
import { SingleFlight } from "./single-flight.ts";
import { judgeFreshness } from "./tag-freshness.ts";
import { describeOutage, isOutage } from "./upstream-trouble.ts";

const maxKnown = 10_000;
const maxKnownBytes = 16 * 1024 * 1024;
/** Of one manifest, that an outage's answer is put together from. */
const maxHere = 1000;
/** An upstream without the referrers API is asked again whether it has it by now. */
const apiMemoryMs = 600_000;

interface KnownReferrers {
  referrers: Referrer[];
  /** Milliseconds since 1970. */
  checkedAt: number;
}

type ReferrersMemory = LRUCache<string, KnownReferrers>;

interface Question {
  repository: MirroredName;
  subject: Digest;
  /** Of both. */
  key: string;
}

/** What the APIs of all registries answered: however many these are, it is bounded. */
export function createReferrersMemory(): ReferrersMemory {
  return new LRUCache({
    max: maxKnown,
    maxSize: maxKnownBytes,
    sizeCalculation: ({ referrers }) => formatReferrers(referrers).length,
  });
}

/**
 * Referrers as upstream lists them: by its API, or by the referrers tag where it has none. While it
 * is away, those that it last listed, and those that are here.
 */
export class MirrorReferrers {
  readonly #upstream: Upstream;
  readonly #inventory: Pick<InventoryStore, "listReferrers">;
  readonly #manifests: MirrorManifests;
  readonly #tags: MirrorTags;
  readonly #rules: RuleBook;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #flights = new SingleFlight<ReferrersAnswer>();
  readonly #known: ReferrersMemory;
  #hasApi = false;
  /** By the monotonic clock: until then upstream counts as one without the API. */
  #noApiUntil = 0;

  constructor(options: {
    upstream: Upstream;
    inventory: Pick<InventoryStore, "listReferrers">;
    manifests: MirrorManifests;
    tags: MirrorTags;
    rules: RuleBook;
    clock: Clock;
    referrersMemory: ReferrersMemory;
    /** How long a client waits for upstream while there is something to stand in for its answer. */
    revalidateTimeoutMs: number;
  }) {
    this.#upstream = options.upstream;
    this.#inventory = options.inventory;
    this.#manifests = options.manifests;
    this.#tags = options.tags;
    this.#rules = options.rules;
    this.#clock = options.clock;
    this.#known = options.referrersMemory;
    this.#patienceMs = options.revalidateTimeoutMs;
  }

  /** None where upstream knows of none. Throws UpstreamError where it fails and nothing is known. */
  async list(repository: MirroredName, subject: Digest): Promise<ReferrersAnswer> {
    const question = { repository, subject, key: `${repository.key}@${subject}` };
    const known = this.#findKnown(question);
    if (known && this.#judge(question, known) === "fresh") {
      return { referrers: known.referrers, cache: "HIT" };
    }
    const asked = this.#flights.run(question.key, () => this.#ask(question));
    const patience = { clock: this.#clock, patienceMs: this.#patienceMs };
    try {
      return await withinPatience(asked, patience);
    } catch (error) {
      if (!isOutage(error)) throw error;
      return (await this.#findStandIn(question, error)) ?? asked;
    }
  }

  /** undefined also for what is older than it may be. */
  #findKnown(question: Question): KnownReferrers | undefined {
    const known = this.#known.get(question.key);
    return known && this.#judge(question, known) !== "expired" ? known : undefined;
  }

  #judge({ repository }: Question, { checkedAt }: KnownReferrers) {
    const rules = this.#rules.resolve(repository.key, undefined);
    return judgeFreshness(checkedAt, this.#clock.now(), rules);
  }

  async #ask(question: Question): Promise<ReferrersAnswer> {
    const { repository, subject, key } = question;
    if (this.#clock.monotonic() < this.#noApiUntil) return this.#askTag(question);
    const referrers = await this.#upstream.listReferrers(repository.name, subject);
    if (referrers) {
      this.#hasApi = true;
      this.#known.set(key, { referrers, checkedAt: this.#clock.now() });
      return { referrers, cache: "MISS" };
    }
    this.#known.delete(key);
    await this.#noteNotFound(question);
    return this.#askTag(question);
  }

  /** Registries with the API say 404, too, where there is no such repository. */
  async #noteNotFound({ repository, subject }: Question): Promise<void> {
    if (this.#hasApi || !(await this.#manifests.findStored(repository, subject))) return;
    this.#noApiUntil = this.#clock.monotonic() + apiMemoryMs;
  }

  async #askTag({ repository, subject }: Question): Promise<ReferrersAnswer> {
    const tag = referrersTag(subject);
    const isDenied = this.#rules.resolve(repository.key, tag).deny !== false;
    const found = isDenied ? undefined : await this.#tags.find(repository, tag);
    if (!found) return { referrers: [], cache: "MISS" };
    const { manifest, ...provenance } = found;
    return { referrers: this.#readIndex(manifest), ...provenance };
  }

  /** A tag by that name may be anything. */
  #readIndex(manifest: Manifest): Referrer[] {
    if (!isIndexType(manifest.mediaType)) return [];
    try {
      return parseReferrers(manifest.bytes);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const problem = `${this.#upstream.host}: list of referrers ${manifest.digest} is none`;
      throw new UpstreamError("invalid", problem, { cause: error });
    }
  }

  /** undefined: nothing is known of it. */
  async #findStandIn(
    question: Question,
    outage: UpstreamError,
  ): Promise<ReferrersAnswer | undefined> {
    const last = this.#findKnown(question) ?? (await this.#findTagged(question));
    const here = await this.#listHere(question);
    if (!last && here.length === 0) return undefined;
    const listed = last?.referrers ?? [];
    const digests = new Set(listed.map(({ digest }) => digest));
    return {
      referrers: [...listed, ...here.filter(({ digest }) => !digests.has(digest))],
      cache: "STALE",
      warning: describeOutage(outage, this.#upstream.host),
      ...(last && { ageMs: Math.max(0, this.#clock.now() - last.checkedAt) }),
    };
  }

  async #findTagged({ repository, subject }: Question): Promise<KnownReferrers | undefined> {
    const found = await this.#tags.findLast(repository, referrersTag(subject));
    return found && { referrers: this.#readIndex(found.manifest), checkedAt: found.checkedAt };
  }

  /** Those that the repository may read. */
  async #listHere({ repository, subject }: Question): Promise<Referrer[]> {
    const referrers: Referrer[] = [];
    for (const digest of await this.#listDigestsHere(subject)) {
      const manifest = await this.#manifests.findStored(repository, digest);
      if (manifest) referrers.push(describeReferrer(manifest));
    }
    return referrers;
  }

  async #listDigestsHere(subject: Digest): Promise<Digest[]> {
    try {
      return (await this.#inventory.listReferrers(subject)).slice(0, maxHere);
    } catch (error) {
      if (error instanceof MetadataError) return [];
      throw error;
    }
  }
}
