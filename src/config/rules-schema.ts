import { z } from "zod";
import { findPatternProblem, parseNamePattern } from "../oci/name-pattern.ts";
import { isTree } from "./tree.ts";
import {
  duration,
  durationOrOff,
  maxDenialLength,
  oneOf,
  readBoolean,
  text,
  yesOrNo,
} from "./values.ts";

const pattern = text.transform((written, context) => {
  const problem = findPatternProblem(written);
  if (problem === undefined) return parseNamePattern(written);
  context.addIssue(problem);
  return z.NEVER;
});

const denial = z
  .preprocess(
    readBoolean,
    z.custom<boolean | string>((value) => typeof value === "boolean" || typeof value === "string", {
      error: "is not known; write true, false, or a text for whoever asks",
    }),
  )
  .refine((value) => value !== "", {
    error: "is empty; write true, false, or a text for whoever asks",
  })
  .refine((value) => typeof value === "boolean" || value.length <= maxDenialLength, {
    error: `is too long; up to ${maxDenialLength} characters are allowed`,
  });

/** Ranges are those of the settings that a rule stands in for. */
const rule = z
  .strictObject({
    match: pattern,
    revalidateAfter: duration("0s", "365d").optional(),
    serveStaleFor: duration("0s", "3650d").optional(),
    immutable: yesOrNo.optional(),
    onUpstreamDelete: oneOf(["follow", "keep"]).optional(),
    pin: yesOrNo.optional(),
    maxAge: durationOrOff("1m", "3650d").optional(),
    deny: denial.optional(),
  })
  .refine((value: unknown) => !isTree(value) || setsSomething(value), {
    error: "sets nothing; add a key such as pin or revalidateAfter beside match",
    when: () => true,
  });

export const rules = z.array(rule).prefault([]);

function setsSomething(value: Record<string, unknown>): boolean {
  return Object.entries(value).some(([key, set]) => key !== "match" && set !== undefined);
}
