/** What was asked at one path. */
export interface PathCounts {
  gets: number;
  heads: number;
  /** Of bodies, as they were sent. */
  bytes: number;
}

export interface Counts {
  connections: number;
  requests: number;
  bytes: number;
  paths: Record<string, PathCounts>;
}

export const noCounts: Readonly<PathCounts> = { gets: 0, heads: 0, bytes: 0 };

/** What upstream was asked since it began, or since the last reset. */
export class Journal {
  #connections = 0;
  #paths = new Map<string, PathCounts>();

  reset(): void {
    this.#connections = 0;
    this.#paths = new Map();
  }

  noteConnection(): void {
    this.#connections += 1;
  }

  /** The counts to add to while it is answered. */
  noteRequest(path: string, method: string | undefined): PathCounts {
    const counts = this.#paths.get(path) ?? { ...noCounts };
    this.#paths.set(path, counts);
    if (method === "HEAD") counts.heads += 1;
    else counts.gets += 1;
    return counts;
  }

  read(): Counts {
    const all = [...this.#paths.values()];
    return {
      connections: this.#connections,
      requests: all.reduce((sum, { gets, heads }) => sum + gets + heads, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      paths: Object.fromEntries(this.#paths),
    };
  }
}
