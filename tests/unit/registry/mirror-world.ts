import { pino } from "pino";
import type { Manifest } from "../../../src/oci/manifest.ts";
import { parseTag } from "../../../src/oci/reference.ts";
import { parseRepositoryName, qualifyName } from "../../../src/oci/repository-name.ts";
import { MirrorManifests, type MirroredName } from "../../../src/registry/mirror-manifests.ts";
import { createReferrersMemory, MirrorReferrers } from "../../../src/registry/mirror-referrers.ts";
import { MirrorTags } from "../../../src/registry/mirror-tags.ts";
import { NegativeAnswers } from "../../../src/registry/negative-answers.ts";
import type { ManifestAnswer } from "../../../src/registry/repository.ts";
import { RuleBook, type Rule, type RuleValues } from "../../../src/registry/rule-book.ts";
import { SqliteMetadataStore } from "../../../src/store/metadata/sqlite-metadata-store.ts";
import { MemoryUpstream } from "../../support/memory-upstream.ts";
import { ShiftedClock } from "../../support/shifted-clock.ts";

export interface MirrorWorldOptions {
  /** A minute, and 30 days, unless given. */
  tags?: Partial<Pick<RuleValues, "revalidateAfterMs" | "serveStaleForMs">>;
  rules?: Rule[];
  /** Five seconds unless given. */
  revalidateTimeoutMs?: number;
}

const never = () => Promise.resolve(false);

export const app = mirroredName("library/app");

export function mirroredName(text: string): MirroredName {
  const name = parseRepositoryName(text);
  return { name, key: qualifyName("docker.io", name) };
}

/** Manifests, tags and referrers of one upstream, over real metadata. */
export class MirrorWorld implements AsyncDisposable {
  readonly upstream = new MemoryUpstream();
  readonly clock = new ShiftedClock();
  readonly lines: Record<string, unknown>[] = [];
  readonly metadata: SqliteMetadataStore;
  readonly manifests: MirrorManifests;
  readonly tags: MirrorTags;
  readonly referrers: MirrorReferrers;

  constructor({ tags, rules = [], revalidateTimeoutMs = 5000 }: MirrorWorldOptions = {}) {
    const { upstream, clock } = this;
    const log = pino(
      { base: null, formatters: { level: (level) => ({ level }) } },
      { write: (line) => void this.lines.push(JSON.parse(line)) },
    );
    const defaults = {
      revalidateAfterMs: 60_000,
      serveStaleForMs: 30 * 86_400_000,
      maxAgeMs: Infinity,
      ...tags,
    };
    this.metadata = SqliteMetadataStore.openInMemory({
      clock,
      log,
      onRebuilt: () => undefined,
    });
    const { metadata } = this;
    const { inventory } = metadata;
    const negativeTtlMs = 10_000;
    const shared = { upstream, metadata, clock, log, rules: new RuleBook({ rules, defaults }) };
    const negative = new NegativeAnswers({ clock, ttlMs: negativeTtlMs });
    this.manifests = new MirrorManifests({ ...shared, negative });
    const { manifests } = this;
    const timing = { revalidateTimeoutMs, negativeTtlMs };
    this.tags = new MirrorTags({ ...shared, ...timing, manifests, negative, isPinned: never });
    this.referrers = new MirrorReferrers({
      ...shared,
      ...timing,
      referrersMemory: createReferrersMemory(),
      inventory,
      manifests,
      tags: this.tags,
    });
  }

  /** Pulled by digest, as clients do before they ask for referrers. */
  async pull(manifest: Manifest, repository: MirroredName = app): Promise<void> {
    this.upstream.addManifest(repository.name, manifest);
    await this.manifests.find(repository, manifest.digest);
    this.upstream.calls.length = 0;
  }

  findTag(tag: string): Promise<ManifestAnswer | undefined> {
    return this.tags.find(app, parseTag(tag));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.metadata[Symbol.asyncDispose]();
  }
}
