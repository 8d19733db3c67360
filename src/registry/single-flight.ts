/** One run a key at a time; whoever asks meanwhile shares its outcome. */
export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>();

  run(key: string, start: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running) return running;
    const begun = start().finally(() => this.#running.delete(key));
    this.#running.set(key, begun);
    return begun;
  }
}
