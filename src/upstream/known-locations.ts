import { LRUCache } from "lru-cache";
import type { Clock } from "../clock.ts";

/** Signed URLs are good for longer; whoever has lost a right loses its use that soon. */
const knownForMs = 60_000;
const maxKnown = 100;

/**
 * Where a registry redirected blob requests to of late: the next piece of the same blob for the
 * same repository is asked for there, which saves the registry a request and the piece a round trip.
 */
export class KnownLocations {
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, { url: URL; at: number }>({ max: maxKnown });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  find(path: string): URL | undefined {
    const { url, at } = this.#known.get(path) ?? { at: -Infinity };
    return this.#clock.monotonic() - at <= knownForMs ? url : undefined;
  }

  remember(path: string, url: URL): void {
    this.#known.set(path, { url, at: this.#clock.monotonic() });
  }

  forget(path: string): void {
    this.#known.delete(path);
  }

  clear(): void {
    this.#known.clear();
  }
}
