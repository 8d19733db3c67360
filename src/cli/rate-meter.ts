/** Long enough to be calm, short enough to follow. */
const windowMs = 5000;
const maxSamples = 100;

/** How fast something comes in, over the last seconds. */
export class RateMeter {
  readonly #samples: { at: number; bytes: number }[] = [];

  /** `bytes`: all that came so far; `at`: of a clock that never goes back. */
  note(bytes: number, at: number): void {
    const last = this.#samples.at(-1);
    if (last && (last.at === at || this.#isFull())) last.bytes = bytes;
    else this.#samples.push({ at, bytes });
    while (this.#samples.length > 2 && (this.#samples[1]?.at ?? at) <= at - windowMs) {
      this.#samples.shift();
    }
  }

  /** Bytes a second, until now; undefined: too early to tell. */
  rate(now: number): number | undefined {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || !last || now - first.at < 1000) return undefined;
    return ((last.bytes - first.bytes) / (now - first.at)) * 1000;
  }

  #isFull(): boolean {
    return this.#samples.length >= maxSamples;
  }
}
