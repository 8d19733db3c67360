import { Cron } from "croner";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { Operations, PrefetchReport } from "./operations/operations.ts";

interface PrefetchScheduleOptions {
  /** As they are pulled: `node:24`. */
  names: readonly string[];
  platforms: readonly Platform[] | "all";
  /** A cron pattern. */
  schedule: string;
  /** IANA name; undefined: the machine's. */
  timeZone: string | undefined;
  prefetch: Operations["prefetch"];
  clock: Clock;
  log: Logger;
}

/** So that a clock that was set, or a machine that slept, is noticed. */
const maxSleepMs = 60_000;

/** Failed names that one log line tells. */
const maxTold = 20;

/**
 * Prefetches a list of names whenever the schedule says so, never twice at a time: what falls due
 * during a run is left out, and so is what fell due while no mirror ran. Nothing is fetched at the
 * start. Disposing of it ends a run.
 */
export class PrefetchSchedule implements AsyncDisposable {
  readonly #options: PrefetchScheduleOptions;
  readonly #cron: Cron;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: PrefetchScheduleOptions) {
    const { schedule, timeZone } = options;
    this.#options = options;
    this.#cron = new Cron(schedule, timeZone === undefined ? {} : { timezone: timeZone });
    this.#running = this.#runWhenDue();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the mirror stops"));
    await this.#running;
  }

  async #runWhenDue(): Promise<void> {
    const { log } = this.#options;
    while (await this.#waitUntilDue()) {
      try {
        await this.#run();
      } catch (error) {
        if (!this.#stop.signal.aborted) log.error({ err: error }, "scheduled prefetch failed");
      }
    }
  }

  /** false: it never will be, or the mirror stops. */
  async #waitUntilDue(): Promise<boolean> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    let seen = clock.now();
    let due = this.#nextRun(seen);
    while (due !== undefined && !signal.aborted) {
      const now = clock.now();
      if (now >= due) return true;
      if (now < seen) due = this.#nextRun(now) ?? due;
      seen = now;
      await clock.sleep(Math.min(due - now, maxSleepMs), signal).catch(() => undefined);
    }
    return false;
  }

  #nextRun(after: number): number | undefined {
    return this.#cron.nextRun(new Date(after))?.getTime();
  }

  async #run(): Promise<void> {
    const { names, platforms, prefetch, clock } = this.#options;
    const startedAt = clock.monotonic();
    const args = {
      names: [...names],
      platforms: platforms === "all" ? platforms : platforms.map(formatPlatform),
    };
    const report = await prefetch(args, { signal: this.#stop.signal, onEvent: () => undefined });
    this.#tell(report, Math.round(clock.monotonic() - startedAt));
  }

  #tell({ names, blobs, fetchedBytes, presentBytes }: PrefetchReport, ms: number): void {
    const { log } = this.#options;
    const failed = names.filter(({ complete }) => !complete);
    const fields = { names: names.length, blobs, fetchedBytes, presentBytes, ms };
    if (failed.length === 0) {
      log.info(fields, "scheduled prefetch: all is here");
      return;
    }
    const told = failed.slice(0, maxTold).map(({ name, problem }) => `${name}: ${problem}`);
    log.warn(
      { ...fields, failedNames: failed.length, problems: told },
      "scheduled prefetch: not all names could be fetched",
    );
  }
}
