import type { FileHandle } from "node:fs/promises";
import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import { errorCode } from "../network-failure.ts";
import { UpstreamError } from "../upstream.ts";
import { openWithoutWaiting, readAtMost } from "./regular-file.ts";

export interface WatchedFileOptions<Content> {
  path: string;
  /**
   * Throws UpstreamError whose message goes on where the path ends (`is empty`) and holds no part of
   * the text.
   */
  parse: (text: string) => Content;
  clock: Clock;
  log: Logger;
}

/** A change is seen after so long at the latest. */
const checkEveryMs = 1000;

const maxFileBytes = 1024 * 1024;

/**
 * A file that is read again when it has changed, also by another one in its place, as Kubernetes
 * changes its secrets. While it is missing or makes no sense, what it last had is good.
 */
export class WatchedFile<Content> {
  readonly #options: WatchedFileOptions<Content>;
  #good: { content: Content; stamp: string | undefined } | undefined;
  #failure: UpstreamError | undefined;
  #checkedAt = -Infinity;
  #check: Promise<void> | undefined;

  constructor(options: WatchedFileOptions<Content>) {
    this.#options = options;
  }

  /**
   * Equal objects as long as the file is the same. Throws UpstreamError "credentials" when it has
   * never made sense.
   */
  async get(): Promise<Content> {
    const sinceMs = this.#options.clock.monotonic() - this.#checkedAt;
    if (this.#check || sinceMs >= checkEveryMs) await this.#checkOnce();
    if (this.#good) return this.#good.content;
    throw this.#failure ?? this.#trouble("was not read");
  }

  /** The next to ask has it read again, whatever its time of change. */
  recheck(): void {
    this.#checkedAt = -Infinity;
    if (this.#good) this.#good.stamp = undefined;
  }

  async #checkOnce(): Promise<void> {
    this.#check ??= this.#readIfChanged().finally(() => {
      this.#check = undefined;
    });
    await this.#check;
  }

  async #readIfChanged(): Promise<void> {
    const { path, parse, clock } = this.#options;
    this.#checkedAt = clock.monotonic();
    try {
      await using file = await openWithoutWaiting(path);
      const stamp = await readStamp(file);
      if (stamp !== this.#good?.stamp) {
        this.#good = { content: parse(await readText(file)), stamp };
      }
      this.#noteSuccess();
    } catch (error) {
      this.#noteFailure(this.#explain(error));
    }
  }

  #explain(error: unknown): UpstreamError {
    if (error instanceof UpstreamError) return this.#trouble(error.message);
    const code = errorCode(error);
    const reason = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    return this.#trouble(reason, error);
  }

  #trouble(reason: string, cause?: unknown): UpstreamError {
    return new UpstreamError("credentials", `${this.#options.path} ${reason}`, { cause });
  }

  /** Without anything from before it is for whoever asks to tell. */
  #noteFailure(failure: UpstreamError): void {
    if (this.#good && !this.#failure) {
      const { log, path } = this.#options;
      log.warn({ file: path, err: failure }, "credentials cannot be read; the last ones are used");
    }
    this.#failure = failure;
  }

  #noteSuccess(): void {
    if (!this.#failure) return;
    this.#failure = undefined;
    this.#options.log.info({ file: this.#options.path }, "credentials can be read again");
  }
}

/** Times alone are not enough: a file may be replaced by an older one. */
async function readStamp(file: FileHandle): Promise<string> {
  const stats = await file.stat({ bigint: true });
  if (!stats.isFile()) throw new UpstreamError("credentials", "is no regular file");
  return [stats.mtimeNs, stats.size, stats.ino].join(" ");
}

async function readText(file: FileHandle): Promise<string> {
  const text = await readAtMost(file, maxFileBytes);
  if (text !== undefined) return text;
  throw new UpstreamError("credentials", `is longer than ${maxFileBytes} bytes`);
}
