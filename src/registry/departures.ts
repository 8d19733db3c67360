import type { Digest } from "../oci/digest.ts";

/**
 * Content that is being removed: between the end of its record and that of its bytes nothing may
 * begin to bring it in again, as the removal would take the new bytes for the old ones.
 */
export class Departures {
  readonly #leaving = new Map<Digest, Promise<void>>();

  has(digest: Digest): boolean {
    return this.#leaving.has(digest);
  }

  /** Resolves when nothing of it is being removed any more, and did so just now. */
  async settled(digest: Digest): Promise<void> {
    let leaving = this.#leaving.get(digest);
    while (leaving) {
      await leaving;
      leaving = this.#leaving.get(digest);
    }
  }

  /** Resolves when all that is being removed now has gone. */
  async allSettled(): Promise<void> {
    await Promise.all(this.#leaving.values());
  }

  /**
   * Marks as leaving those that are not yet; `remove` gets them, and begins before anybody else
   * can see them unmarked. However it ends, they are unmarked.
   */
  async during<Result>(
    digests: readonly Digest[],
    remove: (marked: ReadonlySet<Digest>) => Promise<Result>,
  ): Promise<Result> {
    const marked = new Set(digests.filter((digest) => !this.#leaving.has(digest)));
    const gone = Promise.withResolvers<void>();
    for (const digest of marked) this.#leaving.set(digest, gone.promise);
    try {
      return await remove(marked);
    } finally {
      for (const digest of marked) this.#leaving.delete(digest);
      gone.resolve();
    }
  }
}
