import { setImmediate as afterOtherWork } from "node:timers/promises";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import type { Traffic, TrafficStore } from "../store/metadata/traffic-store.ts";
import { startOfDay } from "./start-of-day.ts";
import { TrafficCounts } from "./traffic-counts.ts";
import { RegularFlush } from "./regular-flush.ts";

/** A request that was answered, as far as it is counted. */
export type AnsweredRequest = Pick<Traffic, "repository" | "kind" | "outcome" | "bytes">;

/** Written in one step, a few milliseconds long. */
const batchSize = 500;

const daysKept = 400;
const dayMs = 24 * 3_600_000;

/**
 * Counts what clients got and what upstreams sent, by day, in memory, and writes it down every ten
 * seconds and at the end. What cannot be written stays in memory until it can.
 */
export class Statistics implements AsyncDisposable {
  readonly #traffic: TrafficStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #counts = new TrafficCounts();
  readonly #flushing: RegularFlush;
  #lastFlush: Promise<void> = Promise.resolve();
  #hasFailed = false;
  /** Before it nothing is left to forget. */
  #forgottenBefore = 0;

  constructor(options: { traffic: TrafficStore; clock: Clock; log: Logger }) {
    this.#traffic = options.traffic;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#flushing = new RegularFlush({ clock: options.clock, flush: () => this.flush() });
  }

  noteAnswer(answer: AnsweredRequest): void {
    this.#counts.addTraffic({ ...answer, day: this.#today(), requests: 1 });
  }

  /** Bytes of blobs and manifests, from an upstream. */
  noteReceived(bytes: number): void {
    this.#counts.addIntake({ day: this.#today(), bytes });
  }

  /** Resolves when all that was noted before is written down, or could not be. Never rejects. */
  flush(): Promise<void> {
    this.#lastFlush = this.#lastFlush.then(() => this.#write());
    return this.#lastFlush;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flushing[Symbol.asyncDispose]();
  }

  async #write(): Promise<void> {
    try {
      await this.#writeCounts();
      await this.#forgetOldDays();
      if (this.#hasFailed) this.#log.info("statistics are written down again");
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) {
        this.#log.warn(
          { err: error },
          "statistics cannot be written down; they are kept in memory",
        );
      }
      this.#hasFailed = true;
    }
  }

  async #writeCounts(): Promise<void> {
    let batch = this.#counts.take(batchSize);
    while (batch) {
      try {
        await this.#traffic.addTraffic(batch.traffic, batch.intake);
      } catch (error) {
        for (const counted of batch.traffic) this.#counts.addTraffic(counted);
        for (const counted of batch.intake) this.#counts.addIntake(counted);
        throw error;
      }
      await afterOtherWork();
      batch = this.#counts.take(batchSize);
    }
  }

  async #forgetOldDays(): Promise<void> {
    const oldest = this.#today() - daysKept * dayMs;
    if (oldest <= this.#forgottenBefore) return;
    await this.#traffic.deleteTrafficBefore(oldest);
    this.#forgottenBefore = oldest;
  }

  #today(): number {
    return startOfDay(this.#clock.now());
  }
}
