import type { Config } from "../config/config.ts";
import type { Downloads } from "../registry/downloads.ts";
import { MirrorBlobs } from "../registry/mirror-blobs.ts";
import { MirrorManifests } from "../registry/mirror-manifests.ts";
import { type createReferrersMemory, MirrorReferrers } from "../registry/mirror-referrers.ts";
import type { MirroredRegistry } from "../registry/mirror-repository.ts";
import { MirrorTagList } from "../registry/mirror-tag-list.ts";
import { MirrorTags } from "../registry/mirror-tags.ts";
import { NegativeAnswers } from "../registry/negative-answers.ts";
import type { RuleBook } from "../registry/rule-book.ts";
import type { StoredBlobs } from "../registry/stored-blobs.ts";
import type { IsTagPinned } from "../registry/tag-pins.ts";
import type { Usage } from "../registry/usage.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Basics } from "./basics.ts";
import type { Storage } from "./storage.ts";

/** What all mirrored registries share. */
export interface MirrorParts {
  tags: Config["tags"];
  basics: Basics;
  storage: Storage;
  usage: Usage;
  rules: RuleBook;
  stored: StoredBlobs;
  downloads: Downloads;
  isPinned: IsTagPinned;
  referrersMemory: ReturnType<typeof createReferrersMemory>;
}

/** What serves the repositories of one upstream. */
export function buildMirroredRegistry(upstream: Upstream, parts: MirrorParts): MirroredRegistry {
  const { basics, storage, usage, rules, stored, downloads, isPinned } = parts;
  const { clock, log } = basics;
  const { negativeTtlMs, revalidateTimeoutMs } = parts.tags;
  const { metadata } = storage;
  const { inventory } = storage.store;
  const negative = new NegativeAnswers({ clock, ttlMs: negativeTtlMs });
  const shared = { upstream, metadata, clock, log, rules };
  const manifests = new MirrorManifests({ ...shared, negative });
  const tags = new MirrorTags({
    ...shared,
    manifests,
    negative,
    revalidateTimeoutMs,
    negativeTtlMs,
    isPinned,
  });
  return {
    host: upstream.host,
    upstream,
    usage,
    rules,
    manifests,
    tags,
    tagList: new MirrorTagList(shared),
    referrers: new MirrorReferrers({
      ...shared,
      referrersMemory: parts.referrersMemory,
      inventory,
      manifests,
      tags,
      revalidateTimeoutMs,
    }),
    blobs: new MirrorBlobs({
      ...shared,
      downloads,
      stored,
      negative: new NegativeAnswers({ clock, ttlMs: negativeTtlMs }),
    }),
  };
}
