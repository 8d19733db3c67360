const baseMs = 100;
const capMs = 2000;

/**
 * Exponential with full jitter, so that many mirrors do not come back at once:
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(round: number, random: () => number): number {
  return random() * Math.min(capMs, baseMs * 2 ** round);
}
