import type { Hash } from "node:crypto";
import { readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { finishDigest, startDigest, type Digest, type DigestAlgorithm } from "../../oci/digest.ts";
import { errnoOf } from "./disk-errors.ts";

/**
 * hash: until `end`, and tell the digest if that is all · drop: forget that file. A file has one
 * `hash` under way at most.
 */
export type DigestRequest =
  | {
      kind: "hash";
      file: number;
      /** Open in this process; its files belong to all threads. */
      descriptor: number;
      algorithm: DigestAlgorithm;
      end: number;
      isLast: boolean;
    }
  | { kind: "drop"; file: number };

/** One to each `hash`; from then on until the next one, the descriptor is not used. */
export type DigestReply =
  | { kind: "hashed"; file: number }
  | { kind: "finished"; file: number; digest: Digest }
  | { kind: "failed"; file: number; message: string; code: string | undefined }
  | { kind: "dropped"; file: number };

type HashRequest = DigestRequest & { kind: "hash" };

interface Work {
  readonly hash: Hash;
  position: number;
  /** undefined: nothing to do as yet. */
  request: HashRequest | undefined;
}

/**
 * Of one file before the next one has its turn; measured: 0.4 GB/s, so each of four files waits
 * some 10 ms at most.
 */
const bytesPerTurn = 1024 * 1024;
const bufferBytes = 256 * 1024;

/** Hashes files in turns, between which requests are taken. */
class DigestWorker {
  readonly #send: (reply: DigestReply) => void;
  readonly #works = new Map<number, Work>();
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);
  #isRunning = false;

  constructor(send: (reply: DigestReply) => void) {
    this.#send = send;
  }

  take(request: DigestRequest): void {
    const { file } = request;
    const work = this.#works.get(file);
    if (request.kind === "drop") {
      this.#works.delete(file);
      if (work?.request) this.#send({ kind: "dropped", file });
      return;
    }
    if (work) work.request = request;
    else this.#works.set(file, { hash: startDigest(request.algorithm), position: 0, request });
    this.#run();
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => {
      this.#isRunning = false;
      for (const [file, work] of this.#works) {
        if (work.request) this.#takeTurn(file, work, work.request);
      }
      if ([...this.#works.values()].some(({ request }) => request)) this.#run();
    });
  }

  #takeTurn(file: number, work: Work, request: HashRequest): void {
    try {
      this.#hashSome(work, request);
      if (work.position < request.end) return;
      work.request = undefined;
      this.#send(request.isLast ? this.#finish(file, work, request) : { kind: "hashed", file });
    } catch (error) {
      this.#works.delete(file);
      const message = Error.isError(error) ? error.message : String(error);
      this.#send({ kind: "failed", file, message, code: errnoOf(error) });
    }
  }

  #hashSome(work: Work, { descriptor, end }: HashRequest): void {
    const turnEnd = Math.min(work.position + bytesPerTurn, end);
    while (work.position < turnEnd) {
      const wanted = Math.min(bufferBytes, turnEnd - work.position);
      const length = readSync(descriptor, this.#buffer, 0, wanted, work.position);
      if (length === 0) throw new Error(`file ends at ${work.position} instead of ${end}`);
      work.hash.update(this.#buffer.subarray(0, length));
      work.position += length;
    }
  }

  #finish(file: number, { hash }: Work, { algorithm }: HashRequest): DigestReply {
    this.#works.delete(file);
    return { kind: "finished", file, digest: finishDigest(hash, algorithm) };
  }
}

if (parentPort) {
  const port = parentPort;
  const worker = new DigestWorker((reply) => port.postMessage(reply));
  port.on("message", (request: DigestRequest) => worker.take(request));
}
