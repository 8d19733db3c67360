import type { Clock } from "../clock.ts";
import type { Digest } from "../oci/digest.ts";
import type { Reference, Tag } from "../oci/reference.ts";
import type { QualifiedName } from "../oci/repository-name.ts";
import type { MetadataMemory } from "../store/metadata/metadata-store.ts";
import type { ManifestAnswer } from "./repository.ts";
import type { RuleBook, RuleValues } from "./rule-book.ts";
import { isHit, judgeFreshness } from "./tag-freshness.ts";
import type { Usage } from "./usage.ts";

interface ManifestRecallOptions {
  memory: MetadataMemory;
  rules: Pick<RuleBook, "resolve">;
  usage: Pick<Usage, "note">;
  clock: Clock;
}

/**
 * Manifests of all repositories that can be answered at once. It holds none of them, nor their
 * registries, and judges rules, freshness and presence anew each time.
 */
export class ManifestRecall {
  readonly #options: ManifestRecallOptions;

  constructor(options: ManifestRecallOptions) {
    this.#options = options;
  }

  /** As `RepositoryDirectory.recallManifest`. */
  recall(repository: QualifiedName, reference: Reference): ManifestAnswer | undefined {
    const { memory, rules, usage } = this.#options;
    const tag = reference.kind === "tag" ? reference.tag : undefined;
    const values = rules.resolve(repository, tag);
    if (values.deny !== false) return undefined;
    const digest =
      reference.kind === "tag"
        ? this.#findHit(repository, reference.tag, values)
        : reference.digest;
    const manifest = digest && memory.recallManifest(repository, digest);
    if (!manifest) return undefined;
    usage.note(manifest.digest);
    return { manifest, cache: "HIT" };
  }

  #findHit(repository: QualifiedName, tag: Tag, values: RuleValues): Digest | undefined {
    const { memory, clock } = this.#options;
    const record = memory.recallTag(repository, tag);
    if (!record) return undefined;
    const freshness = judgeFreshness(record.checkedAt, clock.now(), values);
    return isHit(freshness, values) ? record.digest : undefined;
  }
}
