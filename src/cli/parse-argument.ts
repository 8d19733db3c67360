import { InvalidArgumentError } from "commander";
import { parseDuration, parseSize, parseUntil } from "../config/units.ts";

const words = /^(\d+) ?(second|minute|hour|day)s?(?: ago)?$/;

/** Bytes. */
export function sizeArgument(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw new InvalidArgumentError("Write a number and a unit: 500MB, 12.3GiB.");
}

/** Milliseconds. Takes what this program prints, too: `3 hours`. */
export function durationArgument(text: string): number {
  const ms = parseDuration(
    text.replace(words, (_, count: string, unit: string) => count + unit[0]),
  );
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError("Write a whole number and one of s, m, h, d: 12h, 30d.");
}

/** Milliseconds since 1970, after `now`. */
export function timeArgument(text: string, now: number): number {
  const at = parseUntil(text, now);
  if (at === undefined) {
    throw new InvalidArgumentError("Write 2026-12-31, 2026-12-31T18:00Z, or an age from now: 30d.");
  }
  if (at <= now) throw new InvalidArgumentError("That is over already.");
  return at;
}
