/** What was seen of a download in one window of time. */
export interface WindowSeen {
  bytesPerSecond: number;
  /** Bytes that have not come yet. */
  missing: number;
  /** Connections that are open for it, and of those such that have sent something. */
  open: number;
  flowing: number;
}

/** More connections that bring less than this share more are of no use. */
const usefulGain = 1.15;
/** What comes at the present rate in so short a time is left as it is. */
const soonMs = 2000;
/** Where one connection brings so much, it is not the way from upstream that limits. */
const fastBytesPerSecond = 100 * 1000 ** 2;
/** What takes longer gets its second connection at once. */
const lateMs = 10_000;
/** Full windows for new connections to show their worth, which begin slowly. */
const patientWindows = 4;
/** Windows for them to send anything at all. */
const startWindows = 15;

interface Trial {
  /** Of how many connections, at what rate, before it. */
  before: number;
  bytesPerSecond: number;
  windows: number;
  flowingWindows: number;
}

/**
 * How many connections one download should have: twice as many again and again, as long as that
 * pays. Pure: fed window by window, so that a test needs no network.
 */
export class BreadthSearch {
  readonly #max: number;
  #wanted: number;
  #isOver: boolean;
  #trial: Trial | undefined;
  #lastBytesPerSecond = 0;

  /** `begin` connections are known to pay, and with `isOver`, that more do not. */
  constructor({ max, begin, isOver }: { max: number; begin: number; isOver: boolean }) {
    this.#max = max;
    this.#wanted = Math.min(max, begin);
    this.#isOver = isOver || this.#wanted === max;
  }

  /** Connections to have from now on. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Connections that are known to pay. */
  get proven(): number {
    return this.#trial?.before ?? this.#wanted;
  }

  /** `wanted` is what pays, and stays. */
  get isOver(): boolean {
    return this.#isOver;
  }

  note(seen: WindowSeen): void {
    if (this.#isOver) return;
    if (this.#trial) this.#judge(this.#trial, seen);
    else this.#consider(seen);
    this.#lastBytesPerSecond = seen.bytesPerSecond;
  }

  /** A rate that still rises by itself would be taken for a gain: that may cost one connection too many, no more. */
  #consider({ bytesPerSecond, missing }: WindowSeen): void {
    const before = this.#wanted;
    const leftMs = (missing / bytesPerSecond) * 1000;
    const isSteady = bytesPerSecond <= this.#lastBytesPerSecond * usefulGain;
    const isUrgent = before === 1 && leftMs > lateMs;
    const isFast = leftMs < soonMs || bytesPerSecond > fastBytesPerSecond * before;
    if (isFast || !(isSteady || isUrgent)) return;
    this.#trial = { before, bytesPerSecond, windows: 0, flowingWindows: 0 };
    this.#wanted = Math.min(this.#max, before * 2);
  }

  #judge(trial: Trial, { bytesPerSecond, open, flowing }: WindowSeen): void {
    trial.windows += 1;
    if (flowing >= this.#wanted) trial.flowingWindows += 1;
    if (bytesPerSecond > trial.bytesPerSecond * usefulGain) {
      this.#trial = undefined;
      this.#isOver = this.#wanted === this.#max;
      return;
    }
    const hadItsChance = trial.flowingWindows >= patientWindows;
    if (!hadItsChance && trial.windows < startWindows) return;
    this.#trial = undefined;
    this.#wanted = trial.before;
    // Without the connections nothing was found out about them.
    this.#isOver = hadItsChance || open > trial.before;
  }
}
