import type { FileHandle } from "node:fs/promises";
import { digestAlgorithm, digestOf, type Digest, type DigestAlgorithm } from "../../oci/digest.ts";
import type { DigestPlace, DigestThreads } from "./digest-threads.ts";
import type { DigestReply } from "./digest-worker.ts";

/** Less is not worth a message to a thread. */
const stepBytes = 1024 * 1024;

/**
 * A file up to this size is hashed here, as the way to a thread and back costs as much. Measured:
 * 0.7 ms, which is also how long requests then wait.
 */
const maxBytesHere = 256 * 1024;

/**
 * The digest of a growing file, from its front on, in a thread that reads the bytes back: what is
 * hashed is what the disk gives, whoever wrote it when.
 */
export class PrefixDigest {
  readonly #file: FileHandle;
  readonly #algorithm: DigestAlgorithm;
  readonly #threads: DigestThreads;
  #place: DigestPlace | undefined;
  /** All bytes before it are in the file. */
  #end = 0;
  /** All bytes before it are hashed. */
  #position = 0;
  #running: Promise<void> | undefined;
  #isStopped = false;

  /** The file is to be kept open until `stop` has resolved. */
  constructor(file: FileHandle, digest: Digest, threads: DigestThreads) {
    this.#file = file;
    this.#algorithm = digestAlgorithm(digest);
    this.#threads = threads;
  }

  /** All bytes before `end` are in the file; they are hashed in the background. */
  grow(end: number): void {
    this.#end = end;
    if (this.#isStopped || end - this.#position < stepBytes) return;
    this.#running ??= this.#follow();
    // It comes up again in `finish`.
    this.#running.catch(() => undefined);
  }

  /** Of the first `size` bytes, all of which are in the file. Only once. */
  async finish(size: number): Promise<Digest> {
    if (!this.#place && size <= maxBytesHere) return this.#hashHere(size);
    const place = this.#enter();
    const reply = await place.thread.waitFor(async () => {
      this.#end = this.#position;
      await this.#running;
      return this.#ask(place, { end: size, isLast: true });
    });
    if (reply.kind !== "finished") throw new Error("hashing was stopped");
    return reply.digest;
  }

  /** Resolves when the file is not read any more. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (!this.#place) return;
    await this.#place.thread.drop(this.#place.file);
    this.#place.leave();
  }

  async #follow(): Promise<void> {
    const place = this.#enter();
    while (!this.#isStopped && this.#end - this.#position >= stepBytes) {
      await this.#ask(place, { end: this.#end, isLast: false });
    }
    this.#running = undefined;
  }

  #enter(): DigestPlace {
    return (this.#place ??= this.#threads.enter());
  }

  async #ask(
    { thread, file }: DigestPlace,
    { end, isLast }: { end: number; isLast: boolean },
  ): Promise<DigestReply> {
    const { fd: descriptor } = this.#file;
    const algorithm = this.#algorithm;
    const reply = await thread.ask({ kind: "hash", file, descriptor, algorithm, end, isLast });
    if (reply.kind === "failed") {
      const { code } = reply;
      throw Object.assign(new Error(reply.message), code === undefined ? {} : { code });
    }
    this.#position = end;
    return reply;
  }

  async #hashHere(size: number): Promise<Digest> {
    const bytes = Buffer.allocUnsafeSlow(size);
    for (let at = 0; at < size;) {
      const { bytesRead } = await this.#file.read(bytes, at, size - at, at);
      if (bytesRead === 0) throw new Error(`file ends at ${at} instead of ${size}`);
      at += bytesRead;
    }
    return digestOf(bytes, this.#algorithm);
  }
}
