/** Half-open: `start` is the first byte, `end` the one after the last. */
export interface ByteRange {
  start: number;
  end: number;
}

/** What a request's `Range` header means for content of a known size. */
export type RangeSelection =
  { kind: "whole" } | { kind: "ranges"; ranges: ByteRange[] } | { kind: "unsatisfiable" };

const maxRanges = 256;

/**
 * RFC 9110, section 14, with the leanings of registries and their clients: an end past the last
 * byte is clamped (regctl asks so), ranges that cannot be met drop out if others can, malformed
 * ones count as unsatisfiable (so the conformance suite wants), an unknown unit is ignored.
 * More ranges than any client needs, and such as ask together for more than twice the content, are
 * taken as a wish for all of it.
 */
export function selectRanges(header: string | undefined, size: number): RangeSelection {
  const match = /^bytes\s*=(.*)$/i.exec(header?.trim() ?? "");
  if (!match) return { kind: "whole" };
  const ranges: ByteRange[] = [];
  for (const part of (match[1] ?? "").split(",")) {
    const range = parseRange(part.trim(), size);
    if (range === "malformed") return { kind: "unsatisfiable" };
    if (range !== undefined) ranges.push(range);
  }
  if (ranges.length === 0) return { kind: "unsatisfiable" };
  const asked = ranges.reduce((sum, range) => sum + range.end - range.start, 0);
  const isAbuse = ranges.length > maxRanges || (ranges.length > 1 && asked > 2 * size);
  if (isAbuse) return { kind: "whole" };
  return { kind: "ranges", ranges };
}

/** undefined: well-formed, but outside of the content. */
function parseRange(text: string, size: number): ByteRange | "malformed" | undefined {
  const suffix = /^-(\d+)$/.exec(text)?.[1];
  if (suffix !== undefined) return lastBytes(Number(suffix), size);
  const match = /^(\d+)-(\d*)$/.exec(text);
  if (!match) return "malformed";
  const start = Number(match[1]);
  const last = match[2] ? Number(match[2]) : Infinity;
  if (last < start) return "malformed";
  return start < size ? { start, end: Math.min(last + 1, size) } : undefined;
}

function lastBytes(count: number, size: number): ByteRange | undefined {
  const length = Math.min(count, size);
  return length === 0 ? undefined : { start: size - length, end: size };
}

/** `bytes 0-9/100`, for 206. */
export function formatContentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`;
}

/** Reads `Content-Range` of a 206; `size` is undefined for `*`. undefined: not understood. */
export function parseContentRange(
  header: string | undefined,
): (ByteRange & { size: number | undefined }) | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(header?.trim() ?? "");
  if (!match) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2]) + 1;
  const size = match[3] === "*" ? undefined : Number(match[3]);
  const isSound = end > start && Number.isSafeInteger(end) && (size === undefined || end <= size);
  return isSound ? { start, end, size } : undefined;
}
