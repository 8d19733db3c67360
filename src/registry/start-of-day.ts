const dayMs = 24 * 3_600_000;

/** UTC, which has neither summer time nor leap seconds here. */
export function startOfDay(at: number): number {
  return Math.floor(at / dayMs) * dayMs;
}
