import { destination, type DestinationStream } from "pino";
import { defaultFirst } from "./clients/mirror.ts";
import type { Config } from "./config/config.ts";
import type { StorageNeed } from "./cli/command.ts";
import { ControlClient } from "./admin/control-client.ts";
import { ControlServer } from "./admin/control-server.ts";
import { StorageHolder } from "./admin/storage-holder.ts";
import { openBlobSender } from "./compose/blob-sender.ts";
import { prepareBasics, type Basics, type Overrides } from "./compose/basics.ts";
import { buildCache, type Cache } from "./compose/cache.ts";
import { formatAddress, listen } from "./compose/listen.ts";
import { buildOperations } from "./compose/operations.ts";
import {
  controlSocketPath,
  hasCache,
  noCache,
  openNoStorage,
  openStorage,
  openStorageForCommand,
  type Storage,
} from "./compose/storage.ts";
import { buildExaminer, startUpkeep } from "./compose/upkeep.ts";
import { createApp } from "./http/app.ts";
import type { Health } from "./http/health.ts";
import type { Operations } from "./registry/operations/operations.ts";

/** A mirror that answers requests. Disposing of it ends whatever still runs. */
export interface Mirror extends AsyncDisposable {
  /** `http://host:port` as bound. */
  readonly url: string;
  readonly operations: Operations;
  /** Stops accepting and lets transfers finish, up to `server.drainTimeout`. */
  drain(): Promise<void>;
}

interface OpenOperations extends AsyncDisposable {
  readonly operations: Operations;
}

/** What commands and servers tell each other to be. */
interface Identity {
  version: string;
  /** As a user typed it: `entrepot verify`. */
  command: string;
}

/**
 * Builds every object, in order, and disposes of them in reverse. No upstream is asked. Throws
 * StartError for what an operator must mend.
 */
export async function startMirror(
  config: Config,
  identity: Identity,
  overrides: Overrides = {},
): Promise<Mirror> {
  await using building = new AsyncDisposableStack();
  const basics = prepareBasics(config, overrides);
  const storage = await openStorage(config.storage.path, basics, building);
  const holder = building.use(await announce(config, identity, basics));
  const cache = buildCache({ config, basics, storage, building });
  const examiner = buildExaminer({ basics, storage, cache });
  const parts = { config, basics, storage, cache, examiner };
  const operations = buildOperations({ ...parts, runningSince: basics.clock.now() });
  let isDraining = false;
  const app = createApp({
    directory: cache.directory,
    catalog: cache.catalog,
    ...basics,
    health: () => reportHealth(storage, cache),
    page: {
      publicUrl: config.server.publicUrl,
      upstreams: defaultFirst(config.upstreams.keys(), config.defaultUpstream),
    },
    blobs: await openBlobSender(config, basics.log),
    isDraining: () => isDraining,
    onAnswered: (answer) => cache.statistics.noteAnswer(answer),
  });
  // Whoever sees the server answer can steer it already.
  const control = building.use(await listenForCommands(config, identity, basics, operations));
  const server = building.use(await listen(config, app));
  const url = `http://${formatAddress(server.address)}`;
  await holder.noteUrl(url);
  startUpkeep({ ...parts, operations, building });
  const running = building.move();
  return {
    url,
    operations,
    async drain() {
      isDraining = true;
      await Promise.all([server.drain(config.server.drainTimeoutMs), control?.drain(0)]);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

interface CommandNeeds extends Pick<Overrides, "environment"> {
  storage: StorageNeed;
}

/**
 * Those of the server that holds the storage, else those of this process, which then holds it
 * itself. Throws StartError for what an operator must mend.
 */
export async function openOperations(
  config: Config,
  identity: Identity,
  { storage: need, environment }: CommandNeeds,
): Promise<OpenOperations> {
  const { path } = config.storage;
  const client = await ControlClient.connect({
    path: controlSocketPath(path),
    version: identity.version,
  });
  if (client) {
    return { operations: client, [Symbol.asyncDispose]: holdsNothing };
  }
  await using building = new AsyncDisposableStack();
  const surroundings = { ...(environment && { environment }), logDestination: standardError() };
  const basics = prepareBasics(quietly(config), surroundings);
  const isThere = hasCache(path);
  if (!isThere && need === "existing") throw noCache(path);
  const isHeld = isThere || need === "made";
  const storage = isHeld
    ? await openStorageForCommand(path, basics, building)
    : openNoStorage(path, basics, building);
  if (isHeld) building.use(await announce(config, identity, basics));
  const cache = buildCache({ config, basics, storage, building });
  const examiner = buildExaminer({ basics, storage, cache });
  const parts = { config, basics, storage, cache, examiner };
  const operations = buildOperations({ ...parts, runningSince: undefined });
  const running = building.move();
  return {
    operations,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function holdsNothing(): Promise<void> {
  // Each of its calls has a connection of its own.
}

/** What a command prints is its result; only trouble is worth a line besides. */
function quietly({ log }: Config): Pick<Config, "log"> {
  return { log: { ...log, level: isQuiet(log.level) ? log.level : "warn" } };
}

function isQuiet(level: Config["log"]["level"]): boolean {
  return ["silent", "fatal", "error"].includes(level);
}

function standardError(): DestinationStream {
  return destination({ fd: 2, sync: true });
}

function announce(config: Config, { command }: Identity, { clock, log }: Basics) {
  const { path } = config.storage;
  return StorageHolder.announce({ path, startedAt: clock.now(), command, log });
}

/** A server that cannot be steered still serves. */
async function listenForCommands(
  config: Config,
  { version }: Identity,
  { clock, log }: Basics,
  operations: Operations,
): Promise<ControlServer | undefined> {
  const path = controlSocketPath(config.storage.path);
  try {
    return await ControlServer.listen({ path, operations, version, clock, log });
  } catch (error) {
    log.error({ err: error }, "commands cannot reach this server; it serves all the same");
    return undefined;
  }
}

function reportHealth({ troubles, metadataHealth }: Storage, { downloads }: Cache): Health {
  const reasons = [
    ...troubles.list,
    metadataHealth.failure && `metadata cannot be written: ${metadataHealth.failure.failure}`,
    downloads.storageFailure && `blobs cannot be written: ${downloads.storageFailure.failure}`,
  ].filter((reason) => reason !== undefined);
  return reasons.length === 0 ? { status: "ok" } : { status: "degraded", reasons };
}
