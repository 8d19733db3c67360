/** blob: held for as long as a layer streams · small: everything that is over at once. */
export type SlotKind = "blob" | "small";

interface Waiter {
  grant: () => void;
}

/**
 * A limit on requests at a time. A quarter of the slots, at least one, is for small requests only,
 * so that layers cannot starve manifests; within a kind, first come, first served.
 */
export class ConnectionSlots {
  readonly #limits: Record<SlotKind, number>;
  readonly #used: Record<SlotKind, number> = { blob: 0, small: 0 };
  readonly #waiting: Record<SlotKind, Set<Waiter>> = { blob: new Set(), small: new Set() };

  /** `connections`: 2 or more. */
  constructor(connections: number) {
    const reserved = Math.max(1, Math.floor(connections / 4));
    this.#limits = { small: connections, blob: connections - reserved };
  }

  /**
   * One more for a blob that has one already keeps nobody waiting: nobody waits now, and of the
   * slots for blobs a quarter stays free for those that begin.
   */
  get hasSpare(): boolean {
    const waiting = this.#waiting.small.size + this.#waiting.blob.size;
    const kept = Math.ceil(this.#limits.blob / 4);
    return waiting === 0 && this.#hasFree("blob") && this.#used.blob < this.#limits.blob - kept;
  }

  /** Rejects with the signal's reason. Dispose of the slot, once, to give it back. */
  async acquire(kind: SlotKind, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#hasFree(kind)) this.#used[kind] += 1;
    else await this.#wait(kind, signal);
    return { [Symbol.dispose]: () => this.#release(kind) };
  }

  #release(kind: SlotKind): void {
    this.#used[kind] -= 1;
    this.#grantNext();
  }

  #hasFree(kind: SlotKind): boolean {
    const { blob, small } = this.#used;
    return blob + small < this.#limits.small && (kind === "small" || blob < this.#limits.blob);
  }

  #wait(kind: SlotKind, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting[kind];
      const waiter = {
        grant: () => {
          waiting.delete(waiter);
          signal.removeEventListener("abort", giveUp);
          this.#used[kind] += 1;
          resolve();
        },
      };
      const giveUp = () => {
        waiting.delete(waiter);
        reject(signal.reason);
      };
      waiting.add(waiter);
      signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  #grantNext(): void {
    const kinds: SlotKind[] = ["small", "blob"];
    for (const kind of kinds) {
      const [next] = this.#waiting[kind];
      if (next && this.#hasFree(kind)) next.grant();
    }
  }
}
