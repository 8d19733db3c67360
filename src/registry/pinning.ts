import type { PinRecord } from "../store/metadata/pin-store.ts";
import type { Standing } from "../store/metadata/upkeep-store.ts";
import type { RuleBook } from "./rule-book.ts";

export function isInForce({ until }: PinRecord, at: number): boolean {
  return until === undefined || at < until;
}

/** By a pin, or by a rule for one of its names. */
export function isPinned({ pins, names }: Standing, rules: Pick<RuleBook, "resolve">): boolean {
  return pins.length > 0 || names.some(({ repository, tag }) => rules.resolve(repository, tag).pin);
}
