import type { Config } from "../config/config.ts";
import { Departures } from "../registry/departures.ts";
import { Downloads } from "../registry/downloads.ts";
import { MirrorBlobs } from "../registry/mirror-blobs.ts";
import { MirrorDirectory } from "../registry/mirror-directory.ts";
import { MirrorManifests } from "../registry/mirror-manifests.ts";
import { MirrorTagList } from "../registry/mirror-tag-list.ts";
import { MirrorTags } from "../registry/mirror-tags.ts";
import { NegativeAnswers } from "../registry/negative-answers.ts";
import { RuleBook } from "../registry/rule-book.ts";
import { Statistics } from "../registry/statistics.ts";
import { StoredBlobs } from "../registry/stored-blobs.ts";
import { createEviction, type Eviction } from "../registry/upkeep/eviction.ts";
import { createTagPins, type IsTagPinned } from "../registry/tag-pins.ts";
import { Usage } from "../registry/usage.ts";
import { StartError } from "../start-error.ts";
import { RegistryUpstream } from "../upstream/registry-upstream.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Basics } from "./basics.ts";
import type { Storage } from "./storage.ts";

/** What a server and a command alike work with. */
export interface Cache {
  directory: MirrorDirectory;
  downloads: Downloads;
  departures: Departures;
  stored: StoredBlobs;
  statistics: Statistics;
  rules: RuleBook;
  eviction: Eviction;
}

interface CacheParts {
  config: Config;
  basics: Basics;
  storage: Storage;
  building: AsyncDisposableStack;
}

/** Asks no upstream, and does nothing in the background but write down what was noted. */
export function buildCache(parts: CacheParts): Cache {
  const { config, basics, storage, building } = parts;
  const { clock, log } = basics;
  const { blobs, store, metadata } = storage;
  const statistics = building.use(new Statistics({ traffic: store.traffic, clock, log }));
  const upstream = building.use(openUpstream(config, basics, statistics));
  const usage = building.use(new Usage({ metadata, clock }));
  const departures = new Departures();
  const rules = new RuleBook({
    rules: config.rules,
    defaults: { ...config.tags, maxAgeMs: config.storage.maxAgeMs },
  });
  const shared = { metadata, clock, log, blobs, upkeep: store.upkeep, departures };
  const eviction = createEviction({
    ...shared,
    metadata: store,
    pins: store.pins,
    usage,
    rules,
    limits: config.storage,
  });
  building.use(eviction.evictor);
  const onMovedAside = () => eviction.evictor.contentChanged();
  const stored = new StoredBlobs({ ...shared, onMovedAside });
  const downloads = building.use(
    new Downloads({
      ...shared,
      room: eviction.room,
      onStored: (digest, size) => stored.record(digest, size),
      onDurable: (digest) => stored.confirm(digest),
    }),
  );
  const directory = buildDirectory({
    config,
    basics,
    metadata,
    upstream,
    usage,
    rules,
    stored,
    downloads,
    isPinned: createTagPins({ pins: store.pins, clock }),
  });
  return { directory, downloads, departures, stored, statistics, rules, eviction };
}

function openUpstream(
  config: Config,
  { clock, log, scope }: Basics,
  statistics: Statistics,
): Upstream {
  const host = config.defaultUpstream;
  const settings = config.upstreams.get(host);
  if (!settings) throw new StartError(`defaultUpstream ${host} is not among the upstreams`);
  return new RegistryUpstream({
    host,
    ...settings,
    clock,
    log,
    onAttempt: () => scope.noteUpstreamAttempt(),
    onReceived: (bytes) => statistics.noteReceived(bytes),
  });
}

function buildDirectory(parts: {
  config: Config;
  basics: Basics;
  metadata: Storage["metadata"];
  upstream: Upstream;
  usage: Usage;
  rules: RuleBook;
  stored: StoredBlobs;
  downloads: Downloads;
  isPinned: IsTagPinned;
}): MirrorDirectory {
  const { metadata, upstream, usage, rules, stored, downloads, isPinned } = parts;
  const { clock } = parts.basics;
  const { negativeTtlMs, revalidateTimeoutMs } = parts.config.tags;
  const negative = new NegativeAnswers({ clock, ttlMs: negativeTtlMs });
  const shared = { upstream, metadata, clock };
  const manifests = new MirrorManifests({ ...shared, negative });
  return new MirrorDirectory({
    host: upstream.host,
    usage,
    rules,
    manifests,
    tags: new MirrorTags({
      ...shared,
      manifests,
      negative,
      rules,
      revalidateTimeoutMs,
      negativeTtlMs,
      isPinned,
    }),
    tagList: new MirrorTagList(shared),
    blobs: new MirrorBlobs({
      ...shared,
      downloads,
      stored,
      negative: new NegativeAnswers({ clock, ttlMs: negativeTtlMs }),
    }),
  });
}
