const seconds = { unit: "second", ms: 1000 };
const steps = [
  { unit: "day", ms: 86_400_000 },
  { unit: "hour", ms: 3_600_000 },
  { unit: "minute", ms: 60_000 },
  seconds,
];

/** `3 hours`, `90 minutes`: in a unit that fits at least twice, so that it is never off by half. */
export function formatSpan(ms: number): string {
  const { unit, ms: unitMs } = steps.find((step) => ms >= 2 * step.ms) ?? seconds;
  const count = Math.floor(ms / unitMs);
  return `${count} ${count === 1 ? unit : `${unit}s`}`;
}

/** `3 hours ago`, `in 2 days`, `just now`; `never` of what did not happen. */
export function formatAge(at: number | undefined, now: number): string {
  if (at === undefined) return "never";
  const ms = now - at;
  if (Math.abs(ms) < 1000) return "just now";
  return ms > 0 ? `${formatSpan(ms)} ago` : `in ${formatSpan(-ms)}`;
}

/** `2026-03-01T12:00:00Z` */
export function formatTime(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}
