import type { Clock } from "../../clock.ts";
import { digestAlgorithm, digestOf, type Digest } from "../../oci/digest.ts";
import { StorageError } from "../../store/blob/blob-store.ts";
import type { StoredBlob } from "../../store/metadata/upkeep-store.ts";
import type { BlobExaminer } from "../upkeep/blob-examiner.ts";
import type { DamagedEntry, Operations, VerifyProgress, VerifyReport } from "./operations.ts";
import { repair, type DamagedContent, type RepairOptions } from "./repair.ts";
import { VerifyMeter } from "./verify-meter.ts";
import { belowName, wholeCache, type VerifyScope, type VerifyScopeStores } from "./verify-scope.ts";

export interface VerifyOptions extends VerifyScopeStores, RepairOptions {
  metadata: VerifyScopeStores["metadata"] & RepairOptions["metadata"];
  examiner: BlobExaminer;
  clock: Clock;
}

/** Takes a tag, a repository's content by digest, a digest alone, or for all that is here: nothing. */
export function createVerify(options: VerifyOptions): Operations["verify"] {
  return async ({ name, repair: isToRepair }, { signal, onEvent }) => {
    const scope =
      name === undefined
        ? await wholeCache(options, signal)
        : await belowName(name, options, signal);
    const verification = new Verification({ options, scope, isToRepair, signal, onEvent });
    return verification.run();
  };
}

class Verification {
  readonly #options: VerifyOptions;
  readonly #scope: VerifyScope;
  readonly #isToRepair: boolean;
  readonly #signal: AbortSignal;
  readonly #meter: VerifyMeter;
  readonly #report: VerifyReport = { blobs: 0, bytes: 0, manifests: 0, damaged: [] };

  constructor(parts: {
    options: VerifyOptions;
    scope: VerifyScope;
    isToRepair: boolean;
    signal: AbortSignal;
    onEvent: (progress: VerifyProgress) => void;
  }) {
    const { clock } = parts.options;
    this.#options = parts.options;
    this.#scope = parts.scope;
    this.#isToRepair = parts.isToRepair;
    this.#signal = parts.signal;
    this.#meter = new VerifyMeter({ total: parts.scope.total, clock, onEvent: parts.onEvent });
  }

  async run(): Promise<VerifyReport> {
    this.#meter.tell();
    for await (const digest of this.#scope.manifests) await this.#verifyManifest(digest);
    for await (const blob of this.#scope.blobs) await this.#verifyBlob(blob);
    this.#meter.tell();
    return this.#report;
  }

  async #verifyManifest(digest: Digest): Promise<void> {
    this.#signal.throwIfAborted();
    const { inventory, metadata } = this.#options;
    const manifest = await inventory.summarizeManifest(digest);
    if (!manifest) return;
    this.#report.manifests += 1;
    if (digestOf(manifest.bytes, digestAlgorithm(digest)) === digest) return;
    const repositories = await inventory.listRepositoriesOf(digest);
    // To read it is to have it removed; whose it is makes no difference.
    for (const repository of repositories.slice(0, 1)) {
      await metadata.findManifest(repository, digest);
    }
    const size = manifest.bytes.length;
    await this.#noteDamage({ kind: "manifest", digest, repositories }, size, "has another digest");
  }

  async #verifyBlob(blob: StoredBlob): Promise<void> {
    this.#signal.throwIfAborted();
    const repositories = await this.#options.inventory.listRepositoriesOf(blob.digest);
    const problem = await this.#findProblem(blob);
    this.#meter.noteBlob(blob.size);
    this.#report.blobs += 1;
    this.#report.bytes += blob.size;
    if (problem === undefined) return;
    await this.#noteDamage({ kind: "blob", digest: blob.digest, repositories }, blob.size, problem);
  }

  async #findProblem(blob: StoredBlob): Promise<string | undefined> {
    const pace = async (bytes: number) => {
      this.#signal.throwIfAborted();
      this.#meter.noteRead(bytes);
    };
    try {
      const examined = await this.#options.examiner.examine(blob, pace);
      if (examined.kind === "missing") return "is missing";
      return examined.kind === "damaged" ? examined.problem : undefined;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      return `cannot be read: ${error.message}`;
    }
  }

  async #noteDamage(content: DamagedContent, size: number, problem: string): Promise<void> {
    const { digest, repositories } = content;
    const entry: DamagedEntry = { digest, size, problem, repositories };
    const damaged = this.#isToRepair
      ? { ...entry, ...(await repair(content, this.#options, this.#signal)) }
      : entry;
    this.#report.damaged.push(damaged);
    this.#meter.tell(damaged);
  }
}
