import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Options } from "./options.ts";
import type { Contender } from "./peers/contender.ts";
import { startMirror } from "./peers/mirror.ts";
import { peers } from "./peers/peers.ts";
import type { Place } from "./place.ts";
import { BenchUpstream } from "./upstream/upstream.ts";

const mib = 1024 * 1024;

interface Field {
  upstream: BenchUpstream;
  /** The mirror first, then the peers. */
  contenders: Contender[];
}

/** What the works of one run share. Ends all that it started, and removes all that it wrote. */
export class Bench implements AsyncDisposable {
  readonly options: Options;
  readonly place: Place;
  readonly #owned: AsyncDisposableStack;
  #field: Promise<Field> | undefined;

  private constructor(options: Options, place: Place, owned: AsyncDisposableStack) {
    this.options = options;
    this.place = place;
    this.#owned = owned;
  }

  static async open(options: Options, signal: AbortSignal): Promise<Bench> {
    const owned = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), "entrepot-bench-"));
    owned.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
    return new Bench(options, { directory, signal, mirrorMain: options.mirrorMain }, owned);
  }

  get signal(): AbortSignal {
    return this.place.signal;
  }

  get runs(): number {
    return this.options.runs;
  }

  /** What a real measurement takes, or what is enough to see that it works. */
  size(full: number, quick: number): number {
    return this.options.isQuick ? quick : full;
  }

  /** Bytes of a blob that is so many MiB large unless somebody says otherwise. */
  blobBytes(fullMib: number): number {
    return (this.options.sizeMib ?? this.size(fullMib, Math.ceil(fullMib / 64))) * mib;
  }

  /** All over one upstream; they live through all works that use them. */
  async field(): Promise<Field> {
    this.#field ??= this.#open(this.#owned);
    return this.#field;
  }

  /** Over an upstream of the work's own; ended with `owned`. */
  async startField(owned: AsyncDisposableStack, upstream: BenchUpstream): Promise<Contender[]> {
    const own = `{ endpoints: ["${upstream.origin}"] }`;
    const contenders = [await this.startMirror(owned, { upstream: own })];
    for (const name of this.options.peers) {
      const peer = await peers[name](this.place, upstream.origin);
      owned.use(peer.program);
      contenders.push(peer);
    }
    return contenders;
  }

  async startMirror(
    owned: AsyncDisposableStack,
    options: Parameters<typeof startMirror>[1],
  ): Promise<Contender> {
    const mirror = await startMirror(this.place, options);
    owned.use(mirror.program);
    return mirror;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  async #open(owned: AsyncDisposableStack): Promise<Field> {
    const upstream = owned.use(await BenchUpstream.start(this.place));
    const contenders = await this.startField(owned, upstream);
    return { upstream, contenders };
  }
}
