import { systemClock, type Clock } from "../../src/clock.ts";

/** Real time, moved on at will, so that tests need not wait for ages to pass. */
export class ShiftedClock implements Clock {
  #shiftMs = 0;

  now(): number {
    return systemClock.now() + this.#shiftMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }

  advance(ms: number): void {
    this.#shiftMs += ms;
  }
}
