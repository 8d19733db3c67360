import type { Clock } from "../../clock.ts";
import type { UseCursor } from "../../store/metadata/upkeep-store.ts";

/** Tags move and pins run out without anybody telling. */
const trustMs = 60_000;

/** All before `cursor` is pinned or gone, by what was known `since`. */
export interface PinnedPosition {
  cursor: UseCursor | undefined;
  /** Of the pinned content before it. */
  bytes: number;
  /** By the monotonic clock. */
  since: number;
}

/**
 * How far the least used content is all pinned, so that not every pass has to walk past it. Content
 * only ever moves towards the end, as uses only get later.
 */
export class PinnedFront {
  readonly #clock: Clock;
  #front: PinnedPosition | undefined;
  #forgottenAt = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Where a walk begins. */
  start(): PinnedPosition {
    const now = this.#clock.monotonic();
    const front = this.#front;
    if (front && now - front.since < trustMs) return front;
    return { cursor: undefined, bytes: 0, since: now };
  }

  /** A walk that began at `start` got so far. */
  reach(position: PinnedPosition): void {
    const { since, cursor } = position;
    if (since <= this.#forgottenAt) return;
    const front = this.start();
    if (since > front.since || isBehind(cursor, front.cursor)) this.#front = position;
  }

  /** Pins, rules or tags changed. */
  forget(): void {
    this.#front = undefined;
    this.#forgottenAt = this.#clock.monotonic();
  }
}

function isBehind(a: UseCursor | undefined, b: UseCursor | undefined): boolean {
  if (!a || !b) return a !== undefined;
  return a.usedAt === b.usedAt ? a.digest > b.digest : a.usedAt > b.usedAt;
}
