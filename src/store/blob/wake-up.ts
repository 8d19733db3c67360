/** Lets any number of waiters sleep until something has changed, however often it changes. */
export class WakeUp {
  #sleepers: PromiseWithResolvers<void> | undefined;

  /** Resolves at the next `wake`. Check the condition before, without an await in between. */
  next(): Promise<void> {
    this.#sleepers ??= Promise.withResolvers<void>();
    return this.#sleepers.promise;
  }

  wake(): void {
    this.#sleepers?.resolve();
    this.#sleepers = undefined;
  }
}
