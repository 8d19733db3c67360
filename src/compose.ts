import type { RequestListener } from "node:http";
import { join } from "node:path";
import type { DestinationStream, Logger } from "pino";
import { systemClock, type Clock } from "./clock.ts";
import type { Config } from "./config/config.ts";
import { createApp } from "./http/app.ts";
import type { Health } from "./http/health.ts";
import { RequestScope } from "./http/request-scope.ts";
import { RegistryServer } from "./http/server.ts";
import { createLogger } from "./log.ts";
import { BlobCensus } from "./registry/blob-census.ts";
import { Downloads } from "./registry/downloads.ts";
import { MirrorBlobs } from "./registry/mirror-blobs.ts";
import { MirrorDirectory } from "./registry/mirror-directory.ts";
import { MirrorManifests } from "./registry/mirror-manifests.ts";
import { MirrorTagList } from "./registry/mirror-tag-list.ts";
import { MirrorTags } from "./registry/mirror-tags.ts";
import { NegativeAnswers } from "./registry/negative-answers.ts";
import { StoredBlobs } from "./registry/stored-blobs.ts";
import { Usage } from "./registry/usage.ts";
import { StartError } from "./start-error.ts";
import { StorageError, type BlobStore } from "./store/blob/blob-store.ts";
import { errnoOf } from "./store/blob/disk-errors.ts";
import { DiskBlobStore } from "./store/blob/disk-blob-store.ts";
import { MetadataError } from "./store/metadata/metadata-error.ts";
import { SqliteMetadataStore } from "./store/metadata/sqlite-metadata-store.ts";
import { NewerDatabaseError } from "./store/metadata/sqlite-migrations.ts";
import { TolerantMetadataStore } from "./store/metadata/tolerant-metadata-store.ts";
import { RegistryUpstream } from "./upstream/registry-upstream.ts";
import type { Upstream } from "./upstream/upstream.ts";

/** A mirror that answers requests. Disposing of it ends whatever still runs. */
export interface Mirror extends AsyncDisposable {
  /** `http://host:port` as bound. */
  readonly url: string;
  /** Stops accepting and lets transfers finish, up to `server.drainTimeout`. */
  drain(): Promise<void>;
}

/** What tests put in the place of the real thing. */
interface Overrides {
  clock?: Clock;
  logDestination?: DestinationStream;
}

/** What every part is built with. */
interface Basics {
  clock: Clock;
  log: Logger;
  scope: RequestScope;
}

/**
 * Builds every object, in order, and disposes of them in reverse. No upstream is asked. Throws
 * StartError for what an operator must mend.
 */
export async function startMirror(config: Config, overrides: Overrides = {}): Promise<Mirror> {
  await using building = new AsyncDisposableStack();
  const basics = prepareBasics(config, overrides);
  const storage = await openStorage(config.storage.path, basics, building);
  const upstream = building.use(openUpstream(config, basics));
  const registry = buildRegistry({ config, basics, storage, upstream, building });
  let isDraining = false;
  const app = createApp({
    directory: registry.directory,
    ...basics,
    health: () => reportHealth(storage, registry.downloads),
    page: { publicUrl: config.server.publicUrl, upstreams: [...config.upstreams.keys()] },
    isDraining: () => isDraining,
  });
  const server = building.use(await listen(config, app));
  const running = building.move();
  return {
    url: `http://${formatAddress(server.address)}`,
    async drain() {
      isDraining = true;
      await server.drain(config.server.drainTimeoutMs);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function prepareBasics(config: Config, { clock = systemClock, logDestination }: Overrides): Basics {
  const scope = new RequestScope();
  const log = createLogger({
    ...config.log,
    mixin: () => scope.logBindings(),
    ...(logDestination ? { destination: logDestination } : {}),
  });
  return { clock, log, scope };
}

interface Storage {
  blobs: BlobStore;
  metadata: TolerantMetadataStore;
  troubles: StorageTroubles;
}

/**
 * A disk that is full, read-only or broken does not keep the mirror from starting: it serves what
 * it can read and passes the rest through until the disk is mended. What an operator got wrong does.
 */
async function openStorage(
  path: string,
  { clock, log }: Basics,
  building: AsyncDisposableStack,
): Promise<Storage> {
  const blobs = building.use(DiskBlobStore.at(path));
  let census: BlobCensus | undefined;
  const options = { clock, log, onRebuilt: () => census?.start() };
  const troubles = new StorageTroubles(path, log);
  await troubles.tolerate(() => blobs.prepare());
  const file = join(path, "metadata.db");
  const store =
    (await troubles.tolerate(() => SqliteMetadataStore.open({ ...options, path: file }))) ??
    SqliteMetadataStore.openInMemory(options);
  const metadata = building.use(new TolerantMetadataStore(store, log));
  const onDone = () => store.finishRebuild();
  census = building.use(new BlobCensus({ blobs, metadata: store, clock, log, onDone }));
  if (store.rebuilt) census.start();
  return { blobs, metadata, troubles };
}

/** Against what does not mend itself. */
const remedies = new Map<string, string>([
  ["in-use", "another entrepot serves from there: end it, or give this one a path of its own"],
  ["refused", `user ${process.getuid?.()} must be able to write there`],
]);

/** What is wrong with the storage since the start. */
class StorageTroubles {
  /** For people outside: no paths. */
  readonly list: string[] = [];
  readonly #path: string;
  readonly #log: Logger;

  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
  }

  /** undefined: it failed, and serving goes on without. Throws StartError for what does not mend itself. */
  async tolerate<Opened>(open: () => Promise<Opened>): Promise<Opened | undefined> {
    try {
      return await open();
    } catch (error) {
      if (error instanceof NewerDatabaseError)
        throw new StartError(error.message, { cause: error });
      const isExpected = error instanceof StorageError || error instanceof MetadataError;
      if (!isExpected) throw error;
      const what = `storage.path ${this.#path}: ${error.message}`;
      const remedy = remedies.get(error.failure);
      if (remedy) throw new StartError(`cannot use ${what}; ${remedy}`, { cause: error });
      this.#log.error({ err: error }, `${what}; serving goes on, and what needs it is not kept`);
      this.list.push(`storage could not be opened: ${error.failure}`);
      return undefined;
    }
  }
}

function openUpstream(config: Config, { clock, log, scope }: Basics): Upstream {
  const host = config.defaultUpstream;
  const settings = config.upstreams.get(host);
  if (!settings) throw new StartError(`defaultUpstream ${host} is not among the upstreams`);
  const onAttempt = () => scope.noteUpstreamAttempt();
  return new RegistryUpstream({ host, ...settings, clock, log, onAttempt });
}

interface RegistryParts {
  directory: MirrorDirectory;
  downloads: Downloads;
}

function buildRegistry(parts: {
  config: Config;
  basics: Basics;
  storage: Storage;
  upstream: Upstream;
  building: AsyncDisposableStack;
}): RegistryParts {
  const { basics, storage, upstream, building } = parts;
  const { clock, log } = basics;
  const { blobs, metadata } = storage;
  const { negativeTtlMs: ttlMs, ...rules } = parts.config.tags;
  const stored = new StoredBlobs({ blobs, metadata, clock, log });
  const onStored = stored.record.bind(stored);
  const downloads = building.use(new Downloads({ blobs, clock, log, onStored }));
  const usage = building.use(new Usage({ metadata, clock }));
  const negative = new NegativeAnswers({ clock, ttlMs });
  const shared = { upstream, metadata, clock };
  const manifests = new MirrorManifests({ ...shared, negative });
  const directory = new MirrorDirectory({
    host: upstream.host,
    usage,
    manifests,
    tags: new MirrorTags({ ...shared, manifests, negative, rules }),
    tagList: new MirrorTagList(shared),
    blobs: new MirrorBlobs({
      ...shared,
      downloads,
      stored,
      negative: new NegativeAnswers({ clock, ttlMs }),
    }),
  });
  return { directory, downloads };
}

function reportHealth({ troubles, metadata }: Storage, downloads: Downloads): Health {
  const reasons = [
    ...troubles.list,
    metadata.failure && `metadata cannot be written: ${metadata.failure.failure}`,
    downloads.storageFailure && `blobs cannot be written: ${downloads.storageFailure.failure}`,
  ].filter((reason) => reason !== undefined);
  return reasons.length === 0 ? { status: "ok" } : { status: "degraded", reasons };
}

async function listen({ server }: Config, listener: RequestListener): Promise<RegistryServer> {
  const { host, port, headersTimeoutMs, idleTimeoutMs } = server;
  try {
    return await RegistryServer.listen({ listener, host, port, headersTimeoutMs, idleTimeoutMs });
  } catch (error) {
    const what = `cannot listen on ${formatAddress({ host, port })}`;
    throw new StartError(`${what}: ${explainListen(error)}`, { cause: error });
  }
}

function explainListen(error: unknown): string {
  const code = errnoOf(error);
  if (code === "EADDRINUSE") {
    return "another process has that port; end it, or set server.listen to another one";
  }
  if (code === "EACCES") return "that port needs more rights; set server.listen to one above 1023";
  if (code === "EADDRNOTAVAIL") return "this machine does not have that address; set server.listen";
  return String(error);
}

function formatAddress({ host, port }: { host: string; port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
