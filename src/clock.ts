import { setTimeout as delay } from "node:timers/promises";

/** Where time comes from; tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970: for records that outlive the process. Somebody may set it back. */
  now(): number;
  /** Milliseconds since some moment: for durations within the process. Never goes back. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
