import { us } from "./peers/contender.ts";

/** By column: the mirror, a peer, "direct", or what else a work compares. */
export type Values = Readonly<Record<string, number>>;

export interface Target {
  /** Such as "≥ 0.5 of nginx". */
  text: string;
  /** undefined: what it needs was not measured. */
  isMet(values: Values): boolean | undefined;
}

/** One row: medians. */
export interface Figure {
  /** With its unit. */
  what: string;
  values: Values;
  target?: Target;
}

/** What one work found. */
export interface Section {
  work: string;
  title: string;
  figures: Figure[];
  /** For the file of raw results. */
  samples: unknown;
}

export function isAtLeast(limit: number, column = us): Target {
  return compare(`≥ ${limit}`, column, (value) => value >= limit);
}

export function isAtMost(limit: number, column = us): Target {
  return compare(`≤ ${limit}`, column, (value) => value <= limit);
}

export function isAtLeastPart(part: number, peer: string): Target {
  return compareWith(peer, `≥ ${part} of ${peer}`, (ratio) => ratio >= part);
}

export function isAtMostPart(part: number, peer: string): Target {
  return compareWith(peer, `≤ ${part} of ${peer}`, (ratio) => ratio <= part);
}

function compare(text: string, column: string, isGood: (value: number) => boolean): Target {
  return {
    text,
    isMet({ [column]: value }) {
      return value === undefined ? undefined : isGood(value);
    },
  };
}

function compareWith(peer: string, text: string, isGood: (ratio: number) => boolean): Target {
  return {
    text,
    isMet({ [us]: ours, [peer]: theirs }) {
      return ours === undefined || theirs === undefined ? undefined : isGood(ours / theirs);
    },
  };
}
