import type { IncomingHttpHeaders } from "node:http";
import type { Budget } from "./upstream.ts";

/**
 * Where a limit comes without its window, as older drafts of the header allow and as GitLab sends
 * it. What was told counts for so long: longer, and one low number would hold pulls back for hours
 * at a registry that counts by the minute; shorter, and one that counts by the day would be
 * forgotten between two pulls.
 */
const assumedWindowMs = 60 * 60 * 1000;

/** `100;w=21600`: a number, and parameters of which `w` is the window in seconds. */
const quota = /^\s*(\d{1,12})\s*((?:;[^,]*)?)(?:,|$)/;
const window = /;\s*w\s*=\s*(\d{1,9})\s*(?:;|$)/;

/**
 * `ratelimit-limit: 100;w=21600` and `ratelimit-remaining: 20;w=21600`, as Docker Hub answers
 * (https://docs.docker.com/docker-hub/usage/pulls/). undefined: it tells nothing that makes sense.
 */
export function parseBudget(headers: IncomingHttpHeaders, now: number): Budget | undefined {
  const limit = parseQuota(headers["ratelimit-limit"]);
  const remaining = parseQuota(headers["ratelimit-remaining"]);
  if (!limit || !remaining || limit.count === 0) return undefined;
  return {
    limit: limit.count,
    remaining: Math.min(remaining.count, limit.count),
    windowMs: remaining.windowMs ?? limit.windowMs ?? assumedWindowMs,
    toldAt: now,
  };
}

function parseQuota(
  header: string | string[] | undefined,
): { count: number; windowMs: number | undefined } | undefined {
  const [, count, parameters = ""] = quota.exec([header ?? []].flat()[0] ?? "") ?? [];
  if (count === undefined) return undefined;
  const seconds = Number(window.exec(parameters)?.[1] ?? 0);
  return { count: Number(count), windowMs: seconds > 0 ? seconds * 1000 : undefined };
}
