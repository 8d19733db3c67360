import type { Clock } from "../../clock.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BlobAnswer, BlobReader, Repository } from "../repository.ts";
import type { PrefetchProgress } from "./operations.ts";
import { unlessAborted } from "../../unless-aborted.ts";
import { notKept } from "./prefetch-problem.ts";
import { PrefetchSlots } from "./prefetch-slots.ts";

/** A blob of a name that is being prefetched. */
export interface WantedBlob {
  /** Complete: `docker.io/library/node:24`. */
  name: string;
  repository: Repository;
  blob: Descriptor;
  describe: (error: unknown) => string;
}

interface PrefetchBlobsOptions {
  clock: Clock;
  signal: AbortSignal;
  onEvent: (event: PrefetchProgress) => void;
}

interface Outcome {
  state: "present" | "done" | "failed";
  size: number;
  problem?: string;
}

const maxAtATime = 4;
const bufferSize = 256 * 1024;
const reportEveryMs = 200;

/** Brings in blobs, a few at a time, each once. */
export class PrefetchBlobs {
  readonly #options: PrefetchBlobsOptions;
  readonly #slots = new PrefetchSlots(maxAtATime);
  /** By repository and digest. */
  readonly #outcomes = new Map<string, Promise<Outcome>>();
  /** The latest of each digest, of whatever repository. */
  readonly #latest = new Map<Digest, Promise<Outcome>>();
  readonly #here = new Map<Digest, Outcome>();
  readonly #buffers: Uint8Array[] = [];

  constructor(options: PrefetchBlobsOptions) {
    this.#options = options;
  }

  /** Of those that are here; each digest counts once. */
  get totals(): { blobs: number; fetchedBytes: number; presentBytes: number } {
    const outcomes = [...this.#here.values()];
    const sum = (state: Outcome["state"]) =>
      outcomes.reduce((bytes, each) => bytes + (each.state === state ? each.size : 0), 0);
    return { blobs: outcomes.length, fetchedBytes: sum("done"), presentBytes: sum("present") };
  }

  /** Resolves to what went wrong, if anything did. Rejects only when aborted. */
  async bring(wanted: WantedBlob): Promise<string | undefined> {
    this.#report(wanted, { state: "waiting", size: wanted.blob.size, received: 0 });
    const isShared = this.#outcomes.has(keyOf(wanted));
    const outcome = await this.#start(wanted);
    const { size, problem } = outcome;
    const state = isShared && outcome.state === "done" ? "present" : outcome.state;
    const received = state === "failed" ? 0 : size;
    this.#report(wanted, { state, size, received, ...(problem !== undefined && { problem }) });
    return problem;
  }

  /** Whether it still is: something else may have taken its room. */
  async isHere({ repository, blob }: WantedBlob): Promise<boolean> {
    const { signal } = this.#options;
    try {
      const stat = await unlessAborted(repository.statBlob(blob.digest), signal);
      return isFromHere(stat.cache);
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  #start(wanted: WantedBlob): Promise<Outcome> {
    const { digest } = wanted.blob;
    const key = keyOf(wanted);
    const running = this.#outcomes.get(key);
    if (running) return running;
    const outcome = this.#runAfter(this.#latest.get(digest), wanted);
    this.#outcomes.set(key, outcome);
    this.#latest.set(digest, outcome);
    return outcome;
  }

  /**
   * Bytes are shared, rights are not: a second repository asks for itself, but once the bytes are
   * here, so that nothing is read or counted twice.
   */
  async #runAfter(before: Promise<Outcome> | undefined, wanted: WantedBlob): Promise<Outcome> {
    await before;
    const outcome = await this.#slots.run(() => this.#try(wanted));
    const { digest } = wanted.blob;
    if (outcome.state !== "failed" && !this.#here.has(digest)) this.#here.set(digest, outcome);
    return outcome;
  }

  async #try(wanted: WantedBlob): Promise<Outcome> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    try {
      return await this.#fetch(wanted);
    } catch (error) {
      signal.throwIfAborted();
      return { state: "failed", size: wanted.blob.size, problem: wanted.describe(error) };
    }
  }

  async #fetch(wanted: WantedBlob): Promise<Outcome> {
    const { signal } = this.#options;
    const opened = wanted.repository.openBlob(wanted.blob.digest);
    const { reader, cache } = await unlessAborted(opened, signal, closeLate);
    await using _ = reader;
    const { size } = reader;
    if (isFromHere(cache)) return { state: "present", size };
    if (cache === "PASS") return { state: "failed", size, problem: notKept };
    await this.#read(reader, wanted);
    return { state: "done", size };
  }

  async #read(reader: BlobReader, wanted: WantedBlob): Promise<void> {
    const { clock, signal } = this.#options;
    const { size } = reader;
    // After a failed read it may still be written to: then it is left to the collector.
    const buffer = this.#buffers.pop() ?? new Uint8Array(bufferSize);
    let received = 0;
    let reportAt = -Infinity;
    while (received < size) {
      if (clock.monotonic() >= reportAt) {
        this.#report(wanted, { state: "running", size, received });
        reportAt = clock.monotonic() + reportEveryMs;
      }
      const count = await unlessAborted(reader.read(buffer, received), signal);
      if (count === 0) throw new Error(`blob ended early, at byte ${received}`);
      received += count;
    }
    this.#buffers.push(buffer);
  }

  #report(
    { name, blob }: WantedBlob,
    progress: Pick<Extract<PrefetchProgress, { kind: "blob" }>, "state" | "size" | "received"> & {
      problem?: string;
    },
  ): void {
    if (this.#options.signal.aborted) return;
    this.#options.onEvent({ kind: "blob", name, digest: blob.digest, ...progress });
  }
}

function keyOf({ repository, blob }: WantedBlob): string {
  return `${repository.key}@${blob.digest}`;
}

function isFromHere(cache: BlobAnswer["cache"]): boolean {
  return cache === "HIT" || cache === "REVALIDATED";
}

/** What only was opened loses nothing when closing it fails. */
function closeLate({ reader }: BlobAnswer): void {
  reader[Symbol.asyncDispose]().then(undefined, () => undefined);
}
