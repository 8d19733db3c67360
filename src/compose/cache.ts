import type { Config } from "../config/config.ts";
import { ruleBookOptions } from "../config/rule-book-options.ts";
import { Catalog } from "../registry/catalog.ts";
import { Departures } from "../registry/departures.ts";
import { Downloads } from "../registry/downloads.ts";
import { ManifestRecall } from "../registry/manifest-recall.ts";
import { MirrorDirectory } from "../registry/mirror-directory.ts";
import { createReferrersMemory } from "../registry/mirror-referrers.ts";
import type { MirroredRegistries } from "../registry/mirrored-registries.ts";
import { Routes } from "../registry/routes.ts";
import { RuleBook } from "../registry/rule-book.ts";
import { Statistics } from "../registry/statistics.ts";
import { StoredBlobs } from "../registry/stored-blobs.ts";
import { createTagPins } from "../registry/tag-pins.ts";
import { createEviction, type Eviction } from "../registry/upkeep/eviction.ts";
import { Usage } from "../registry/usage.ts";
import type { Basics } from "./basics.ts";
import { Registries } from "./registries.ts";
import type { Storage } from "./storage.ts";

/** What a server and a command alike work with. */
export interface Cache {
  directory: MirrorDirectory;
  catalog: Catalog;
  registries: MirroredRegistries;
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
  const usage = building.use(new Usage({ metadata, clock }));
  const departures = new Departures();
  const rules = new RuleBook(ruleBookOptions(config));
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
  const mirror = {
    tags: config.tags,
    basics,
    storage,
    usage,
    rules,
    stored,
    downloads,
    referrersMemory: createReferrersMemory(),
    isPinned: createTagPins({ pins: store.pins, upkeep: store.upkeep, clock }),
  };
  const registries = building.use(new Registries({ config, mirror, statistics }));
  const recall = new ManifestRecall({ memory: metadata, rules, usage, clock });
  const directory = new MirrorDirectory({ routes: routesOf(config), registries, recall });
  const catalog = new Catalog({ inventory: store.inventory });
  return {
    directory,
    catalog,
    registries,
    downloads,
    departures,
    stored,
    statistics,
    rules,
    eviction,
  };
}

function routesOf({ upstreams, defaultUpstream, server }: Config): Routes {
  const { host } = URL.parse(server.publicUrl ?? "") ?? {};
  return new Routes({
    upstreams: [...upstreams].map(([key, { prefix, hosts }]) => ({ host: key, prefix, hosts })),
    defaultUpstream,
    ownHosts: host === undefined ? [] : [host],
  });
}
