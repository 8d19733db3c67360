const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const units: [string, number][] = [
  ["days", dayMs],
  ["hours", hourMs],
  ["minutes", minuteMs],
];

/** "91 days", "3 hours"; of two units the larger one that is there at least twice. */
export function describeSpan(ms: number): string {
  const unit = units.find(([, unitMs]) => ms >= 2 * unitMs);
  if (!unit) return "less than 2 minutes";
  const [name, unitMs] = unit;
  return `${Math.floor(ms / unitMs)} ${name}`;
}
