import type { RemoteBlob } from "../upstream/upstream.ts";
import { readResuming, type ResumingBodyOptions } from "./resuming-body.ts";

/** A resuming body for somebody who asks for one chunk after the other; holds one at a time. */
export class PulledBody implements Disposable {
  readonly #abort = new AbortController();
  #remote: RemoteBlob | undefined;
  #chunk: Uint8Array | undefined;
  /** A chunk was taken away. */
  #room = Promise.withResolvers<void>();
  /** A chunk has come, or none does any more. */
  #arrival = Promise.withResolvers<void>();
  #isOver = false;

  constructor(options: ResumingBodyOptions) {
    const signal = AbortSignal.any([options.signal, this.#abort.signal]);
    this.#arrival.promise.catch(() => undefined);
    const onOpened: ResumingBodyOptions["onOpened"] = (remote, position) => {
      this.#remote = remote;
      options.onOpened?.(remote, position);
    };
    readResuming({ ...options, signal, onOpened }, (chunk) => this.#take(chunk)).then(
      () => this.#end(),
      (error: unknown) => this.#arrival.reject(error),
    );
  }

  /** undefined: it is at its end. Throws what broke it off. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#chunk === undefined && !this.#isOver) await this.#arrival.promise;
    const chunk = this.#chunk;
    this.#chunk = undefined;
    this.#room.resolve();
    return chunk;
  }

  [Symbol.dispose](): void {
    this.#abort.abort(new Error("the reader was closed"));
    this.#remote?.close();
    this.#room.resolve();
  }

  #take(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#abort.signal.aborted) return undefined;
    this.#chunk = chunk;
    this.#room = Promise.withResolvers();
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
    this.#arrival.promise.catch(() => undefined);
    return this.#room.promise;
  }

  #end(): void {
    this.#isOver = true;
    this.#arrival.resolve();
  }
}
