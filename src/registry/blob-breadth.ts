import type { Clock } from "../clock.ts";
import type { ParallelRanges } from "../upstream/upstream.ts";
import { BreadthSearch } from "./breadth-search.ts";

/** What is older may have changed. */
const freshForMs = 5 * 60_000;

const mib = 1024 * 1024;
const minPieceBytes = 8 * mib;
const maxPieceBytes = 64 * mib;

/** Over how many connections blobs come from one registry, and what was found out about that. */
export class BlobBreadth {
  readonly #ranges: ParallelRanges;
  readonly #clock: Clock;
  #learned: { search: Pick<BreadthSearch, "proven" | "isOver">; at: number } | undefined;

  constructor(options: { ranges: ParallelRanges; clock: Clock }) {
    this.#ranges = options.ranges;
    this.#clock = options.clock;
  }

  /** undefined: such a blob comes over one connection. */
  searchFor(size: number): BreadthSearch | undefined {
    const { connectionsPerBlob: max, parallelFromBytes } = this.#ranges;
    if (size < parallelFromBytes) return undefined;
    const { proven: begin = 1, isOver = false } = this.#known ?? {};
    const search = new BreadthSearch({ max, begin, isOver });
    return search.isOver && search.wanted === 1 ? undefined : search;
  }

  /** What a download has found out so far, if anything: the next one begins with that. */
  learn({ proven, isOver }: Pick<BreadthSearch, "proven" | "isOver">): void {
    if (proven === 1 && !isOver) return;
    this.#learned = { search: { proven, isOver }, at: this.#clock.monotonic() };
  }

  /**
   * Of so many missing bytes, what one connection takes at a time: much at first, for each piece is
   * a request, and less towards the end, where the others would wait for the last.
   */
  pieceBytes(missing: number): number {
    const share = Math.ceil(missing / (2 * this.#ranges.connectionsPerBlob));
    return Math.min(maxPieceBytes, Math.max(minPieceBytes, share));
  }

  get #known(): Pick<BreadthSearch, "proven" | "isOver"> | undefined {
    const { search, at } = this.#learned ?? { at: -Infinity };
    return this.#clock.monotonic() - at <= freshForMs ? search : undefined;
  }
}
