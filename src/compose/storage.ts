import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { StartError } from "../start-error.ts";
import { DiskBlobStore } from "../store/blob/disk-blob-store.ts";
import { RememberingMetadataStore } from "../store/metadata/remembering-metadata-store.ts";
import { SqliteMetadataStore } from "../store/metadata/sqlite-metadata-store.ts";
import { TolerantMetadataStore } from "../store/metadata/tolerant-metadata-store.ts";
import type { Basics } from "./basics.ts";
import { StorageTroubles } from "./storage-troubles.ts";

/** What is on the disk, held by this process until it is disposed of. */
export interface Storage {
  blobs: DiskBlobStore;
  /** Says when it fails; for all that looks after the cache. */
  store: SqliteMetadataStore;
  /** Serving goes on when it fails, and from memory where that is enough. */
  metadata: RememberingMetadataStore;
  /** Told by what `metadata` is built on. */
  metadataHealth: Pick<TolerantMetadataStore, "failure">;
  troubles: StorageTroubles;
  /** Set once there is something that can go through the blobs again. */
  onRebuilt: () => void;
}

const controlSocketName = "control.sock";

export function controlSocketPath(storagePath: string): string {
  return join(storagePath, controlSocketName);
}

function databaseFile(storagePath: string): string {
  return join(storagePath, "metadata.db");
}

/**
 * For a server: a disk that is full, read-only or broken does not keep it from starting. It serves
 * what it can read and passes the rest through until the disk is mended. What an operator got wrong
 * does, as StartError.
 */
export async function openStorage(
  path: string,
  { clock, log, onStatement }: Basics,
  building: AsyncDisposableStack,
): Promise<Storage> {
  const blobs = building.use(DiskBlobStore.at(path));
  const troubles = new StorageTroubles(path, log);
  const hooks = { onRebuilt: () => undefined };
  const options = { clock, log, onStatement, onRebuilt: () => hooks.onRebuilt() };
  await troubles.tolerate(() => blobs.prepare());
  const file = databaseFile(path);
  const store =
    (await troubles.tolerate(() => SqliteMetadataStore.open({ ...options, path: file }))) ??
    SqliteMetadataStore.openInMemory(options);
  return Object.assign(hooks, { blobs, store, troubles, ...serveFrom(store, log, building) });
}

/** Whether one was ever made there. */
export function hasCache(path: string): boolean {
  return existsSync(databaseFile(path));
}

/** A command that looks would find nothing. */
export function noCache(path: string): StartError {
  return new StartError(
    `there is no cache in ${path}; entrepot serve and entrepot prefetch make one there`,
  );
}

/** For a command that goes without: nothing is made on the disk. */
export function openNoStorage(
  path: string,
  { clock, log }: Basics,
  building: AsyncDisposableStack,
): Storage {
  const blobs = building.use(DiskBlobStore.at(path));
  const troubles = new StorageTroubles(path, log);
  const hooks = { onRebuilt: () => undefined };
  const store = SqliteMetadataStore.openInMemory({ ...hooks, clock, log });
  return { ...hooks, blobs, store, troubles, ...serveFrom(store, log, building) };
}

/** For a command: what cannot be opened as it should be ends it, as StartError. */
export async function openStorageForCommand(
  path: string,
  { clock, log }: Basics,
  building: AsyncDisposableStack,
): Promise<Storage> {
  const hooks = { onRebuilt: () => undefined };
  const troubles = new StorageTroubles(path, log);
  const blobs = building.use(DiskBlobStore.at(path));
  const onRebuilt = () => hooks.onRebuilt();
  const options = { clock, log, path: databaseFile(path), onRebuilt };
  await refuseForeignRoot(path);
  await troubles.demand(() => blobs.prepare());
  const store = await troubles.demand(() => SqliteMetadataStore.open(options));
  return Object.assign(hooks, { blobs, store, troubles, ...serveFrom(store, log, building) });
}

function serveFrom(
  store: SqliteMetadataStore,
  log: Logger,
  building: AsyncDisposableStack,
): Pick<Storage, "metadata" | "metadataHealth"> {
  const tolerant = new TolerantMetadataStore(store, log);
  return {
    metadata: building.use(new RememberingMetadataStore(tolerant)),
    metadataHealth: tolerant,
  };
}

/** What root made there, a server of another user could neither change nor evict. */
async function refuseForeignRoot(path: string): Promise<void> {
  if (process.getuid?.() !== 0 || !existsSync(path)) return;
  const { uid } = await stat(path);
  if (uid === 0) return;
  throw new StartError(
    `${path} belongs to user ${uid}, and no server runs there: run this command as that user, ` +
      `for example with sudo -u '#${uid}'`,
  );
}
