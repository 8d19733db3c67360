import type { Digest } from "../oci/digest.ts";
import type { PrefetchProgress } from "../registry/operations/operations.ts";
import { RateMeter } from "./rate-meter.ts";

/** Something that is on its way. */
export interface Amount {
  received: number;
  size: number;
  /** Of what is not here yet. */
  meter: RateMeter;
}

export interface RunningBlob extends Amount {
  digest: Digest;
}

type BlobProgress = Extract<PrefetchProgress, { kind: "blob" }>;

/** A name with the blobs it leads to. */
export class NameProgress {
  readonly name: string;
  /** Of what was not here before. */
  readonly meter = new RateMeter();
  readonly #blobs = new Map<Digest, Pick<BlobProgress, "state" | "size" | "received">>();
  #fetched = 0;

  constructor(name: string) {
    this.name = name;
  }

  get blobs(): number {
    return this.#blobs.size;
  }

  /** Those that are here. */
  get doneBlobs(): number {
    return [...this.#blobs.values()].filter(({ state }) => isHere(state)).length;
  }

  get size(): number {
    return this.#sum(({ size }) => size);
  }

  get received(): number {
    return this.#sum(({ received }) => received);
  }

  note({ digest, state, size, received }: BlobProgress, at: number): void {
    const before = this.#blobs.get(digest)?.received ?? 0;
    this.#blobs.set(digest, { state, size, received });
    if (state !== "present") this.#fetched += received - before;
    this.meter.note(this.#fetched, at);
  }

  #sum(of: (blob: { size: number; received: number }) => number): number {
    return [...this.#blobs.values()].reduce((sum, blob) => sum + of(blob), 0);
  }
}

/** What is going on in a prefetch, from its events. */
export class Progress {
  readonly #names = new Map<string, NameProgress>();
  readonly #running = new Map<Digest, RunningBlob>();

  /** Those begun and not ended, in the order in which they began. */
  get names(): NameProgress[] {
    return [...this.#names.values()];
  }

  get running(): RunningBlob[] {
    return [...this.#running.values()];
  }

  /** The name that the event is about, as it is with it; one that ended is not among `names`. */
  note(event: PrefetchProgress, at: number): NameProgress {
    const name = this.#names.get(event.name) ?? new NameProgress(event.name);
    if (event.kind === "blob") {
      name.note(event, at);
      this.#noteBlob(event, at);
    }
    const isOver = event.kind === "name" && event.state !== "resolving";
    if (isOver) this.#names.delete(event.name);
    else this.#names.set(event.name, name);
    return name;
  }

  #noteBlob({ digest, state, size, received }: BlobProgress, at: number): void {
    if (state === "waiting") return;
    if (state !== "running") {
      this.#running.delete(digest);
      return;
    }
    const meter = this.#running.get(digest)?.meter ?? new RateMeter();
    meter.note(received, at);
    this.#running.set(digest, { digest, size, received, meter });
  }
}

function isHere(state: BlobProgress["state"]): boolean {
  return state === "done" || state === "present";
}
