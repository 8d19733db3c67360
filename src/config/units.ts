const millisecondsIn = new Map([
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
]);

/** `30s` → 30000. undefined: not a whole number directly followed by ms, s, m, h or d. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,9})([a-z]+)$/.exec(text) ?? [];
  const unitMs = millisecondsIn.get(unit);
  return unitMs === undefined ? undefined : Number(count) * unitMs;
}

/** As `parseDuration` takes it, exactly: 5400000 → `90m`; Infinity → `off`. */
export function formatDuration(ms: number): string {
  return formatExactly(ms, millisecondsIn, "s");
}

const bytesIn = new Map([
  ["TiB", 1024 ** 4],
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
  ["TB", 1e12],
  ["GB", 1e9],
  ["MB", 1e6],
  ["KB", 1e3],
  ["T", 1024 ** 4],
  ["G", 1024 ** 3],
  ["M", 1024 ** 2],
  ["K", 1024],
  ["B", 1],
]);

const bytesInLowerCase = new Map([...bytesIn].map(([unit, bytes]) => [unit.toLowerCase(), bytes]));

/**
 * `1.5GiB` → 1610612736. undefined: not a number, whole or decimal, directly followed by a unit, or
 * more than can be counted. Units are read in any case; K, M, G and T are KiB, MiB, GiB and TiB.
 */
export function parseSize(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d{1,15}(?:\.\d{1,9})?)([a-z]+)$/i.exec(text) ?? [];
  const unitBytes = bytesInLowerCase.get(unit.toLowerCase());
  const bytes = unitBytes === undefined ? NaN : Math.round(Number(count) * unitBytes);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** As `parseSize` takes it, exactly: 53687091200 → `50GiB`; Infinity → `off`. */
export function formatSize(bytes: number): string {
  return formatExactly(bytes, bytesIn, "B");
}

/** In the first unit that leaves no rest. */
function formatExactly(value: number, units: Map<string, number>, unitOfNothing: string): string {
  if (value === Infinity) return "off";
  if (value === 0) return `0${unitOfNothing}`;
  const [unit = "", size = 1] = [...units].find(([, each]) => value % each === 0) ?? [];
  return `${value / size}${unit}`;
}

const date = /^(\d{4})-(\d{2})-(\d{2})$/;
const dateTime = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:\d{2})?$/;

/**
 * When something ends, in milliseconds since 1970: `2026-12-31` is the end of that day, and
 * `2026-12-31T18:00` that minute, both in the machine's time zone; `2026-12-31T18:00Z` and
 * `…+02:00` say theirs; `30d` is so long from now. undefined: it is none of these, no such day, or
 * beyond the year 9999.
 */
export function parseUntil(text: string, nowMs: number): number | undefined {
  const at = parseTime(text, nowMs);
  return at === undefined || at > latestTime ? undefined : at;
}

/** The end of 9999-12-31, wherever that is; what lies far behind it is no Date any more. */
const latestTime = Date.UTC(10_000, 0, 2);

function parseTime(text: string, nowMs: number): number | undefined {
  const ms = parseDuration(text);
  if (ms !== undefined) return nowMs + ms;
  if (isDay(text)) {
    const [year = 0, month = 0, day = 0] = text.split("-").map(Number);
    return new Date(year, month - 1, day + 1).getTime();
  }
  const [, onDay = "", time = "", zone = ""] = dateTime.exec(text) ?? [];
  const at = isDay(onDay) ? Date.parse(`${onDay}T${time}${zone}`) : NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** Date takes 31 February for 3 March. */
function isDay(text: string): boolean {
  const at = date.test(text) ? Date.parse(`${text}T00:00Z`) : NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}
