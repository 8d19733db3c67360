const millisecondsIn = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** `30s` → 30000. undefined: not a whole number directly followed by ms, s, m, h or d. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,9})([a-z]+)$/.exec(text) ?? [];
  const unitMs = millisecondsIn.get(unit);
  return unitMs === undefined ? undefined : Number(count) * unitMs;
}
