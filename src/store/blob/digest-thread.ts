import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { DigestReply, DigestRequest } from "./digest-worker.ts";

// Source and build differ in it.
const workerFile = new URL(`./digest-worker${extname(import.meta.filename)}`, import.meta.url);

/** Hashing needs next to nothing of a heap. Measured: a thread takes 9 MiB, 12 without limits. */
const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1 };

/** A thread that hashes files. Does not keep the process alive unless someone waits for it. */
export class DigestThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #asked = new Map<number, PromiseWithResolvers<DigestReply>>();
  #waiters = 0;
  #failure: Error | undefined;

  /** `onEnded` is called once, when the thread is no more, for whatever reason. */
  constructor(onEnded: () => void) {
    // Flags of this process may be of no use to a thread, or end it.
    this.#worker = new Worker(workerFile, { execArgv: [], env: {}, resourceLimits });
    this.#worker.on("message", (reply: DigestReply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => {
      this.#fail(new Error("it was stopped"));
      onEnded();
    });
    // A listener for messages refers to it anew, so after that.
    this.#worker.unref();
  }

  /** Rejects when the thread ends before it replies. */
  ask(request: DigestRequest & { kind: "hash" }): Promise<DigestReply> {
    if (this.#failure) return Promise.reject(this.#failure);
    const asked = Promise.withResolvers<DigestReply>();
    this.#asked.set(request.file, asked);
    this.#worker.postMessage(request, []);
    return asked.promise;
  }

  /** Resolves when the thread does not use the file any more. */
  async drop(file: number): Promise<void> {
    if (this.#failure) return;
    this.#worker.postMessage({ kind: "drop", file } satisfies DigestRequest, []);
    await this.waitFor(async () => this.#asked.get(file)?.promise).catch(() => undefined);
  }

  /** Keeps the process alive until `work` is done. */
  async waitFor<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiters++ === 0) this.#worker.ref();
    try {
      return await work();
    } finally {
      if (--this.#waiters === 0) this.#worker.unref();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(reply: DigestReply): void {
    this.#asked.get(reply.file)?.resolve(reply);
    this.#asked.delete(reply.file);
  }

  #fail(cause: Error): void {
    this.#failure ??= new Error(`the thread that hashes it ended: ${cause.message}`, { cause });
    for (const { reject } of this.#asked.values()) reject(this.#failure);
    this.#asked.clear();
  }
}
