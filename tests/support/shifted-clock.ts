import { systemClock, type Clock } from "../../src/clock.ts";

/** Real time, moved on at will, so that tests need not wait for ages to pass. */
export class ShiftedClock implements Clock {
  #shiftMs = 0;
  #passedMs = 0;

  now(): number {
    return systemClock.now() + this.#shiftMs;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#passedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }

  advance(ms: number): void {
    this.#shiftMs += ms;
    this.#passedMs += ms;
  }

  /** As an administrator does: no time passes. */
  setBack(ms: number): void {
    this.#shiftMs -= ms;
  }
}
