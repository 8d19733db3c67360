import type { Logger } from "pino";
import { describeHolder } from "../admin/storage-holder.ts";
import { StartError } from "../start-error.ts";
import { StorageError } from "../store/blob/blob-store.ts";
import { MetadataError } from "../store/metadata/metadata-error.ts";
import { NewerDatabaseError } from "../store/metadata/sqlite-migrations.ts";

/** What is wrong with the storage since the start. */
export class StorageTroubles {
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
      const failed = toFailure(error);
      const remedy = await this.#findRemedy(failed);
      const what = this.#describe(failed);
      if (remedy !== undefined) {
        throw new StartError(`cannot use ${what}; ${remedy}`, { cause: error });
      }
      this.#log.error({ err: error }, `${what}; serving goes on, and what needs it is not kept`);
      this.list.push(`storage could not be opened: ${failed.failure}`);
      return undefined;
    }
  }

  /** Throws StartError for whatever goes wrong. */
  async demand<Opened>(open: () => Promise<Opened>): Promise<Opened> {
    try {
      return await open();
    } catch (error) {
      const failed = toFailure(error);
      const remedy = await this.#findRemedyForCommand(failed);
      const advice = remedy === undefined ? "" : `; ${remedy}`;
      throw new StartError(`cannot use ${this.#describe(failed)}${advice}`, { cause: error });
    }
  }

  #describe({ message }: Error): string {
    return `storage.path ${this.#path}: ${message}`;
  }

  /** One that serves would have been asked over its socket. */
  async #findRemedyForCommand(failed: StorageError | MetadataError): Promise<string | undefined> {
    if (failed.failure !== "in-use") return this.#findRemedy(failed);
    const holder = (await describeHolder(this.#path)) ?? "another entrepot";
    return `${holder} holds it, and does not listen on its control.sock: wait for it to end, or restart it`;
  }

  /** Against what does not mend itself. */
  async #findRemedy({ failure }: StorageError | MetadataError): Promise<string | undefined> {
    if (failure === "refused") return `user ${process.getuid?.()} must be able to write there`;
    if (failure !== "in-use") return undefined;
    const holder = (await describeHolder(this.#path)) ?? "another entrepot";
    return `${holder} holds it: end that one, or give this one a path of its own`;
  }
}

function toFailure(error: unknown): StorageError | MetadataError {
  if (error instanceof NewerDatabaseError) throw new StartError(error.message, { cause: error });
  if (error instanceof StorageError || error instanceof MetadataError) return error;
  throw error;
}
