import { Cron } from "croner";
import { z } from "zod";
import { RegistryError } from "../oci/errors.ts";
import { parsePlatform } from "../oci/platform.ts";
import { parsePullName } from "../oci/pull-name.ts";
import { parsed, text } from "./values.ts";

const name = text.superRefine((written, context) => {
  try {
    parsePullName(written);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    context.addIssue(`is not a name to pull: ${error.message}`);
  }
});

const platform = parsed(
  (written) => (written === "all" ? written : parsePlatform(written)),
  "is not a platform; write os/architecture, such as linux/amd64 or linux/arm64/v8, or all",
);

/** `all` is as good as a list that holds it. */
const platforms = z.preprocess(
  (value) => (value === "all" ? [value] : value),
  z.array(platform).min(1, "is an empty list; write one or more platforms, or all"),
);

const schedule = text.superRefine((written, context) => {
  const problem = findScheduleProblem(written);
  if (problem !== undefined) context.addIssue(problem);
});

const timeZone = text.refine(isTimeZone, {
  error: "is not a time zone; write one such as Europe/Berlin or UTC",
});

export const prefetch = z
  .strictObject({
    images: z.array(name).prefault([]),
    platforms: platforms.optional(),
    schedule: schedule.optional(),
    timeZone: timeZone.optional(),
  })
  .prefault({});

function findScheduleProblem(written: string): string | undefined {
  try {
    const isEverDue = new Cron(written, { paused: true }).nextRun() !== null;
    return isEverDue ? undefined : "is never due";
  } catch {
    return 'is not a cron pattern; write minute, hour, day, month and weekday, such as "0 3 * * *", or @daily';
  }
}

function isTimeZone(written: string): boolean {
  try {
    return Intl.DateTimeFormat("en", { timeZone: written }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
