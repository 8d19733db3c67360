import type { ServerResponse } from "node:http";
import type { AnsweredRequest } from "../registry/statistics.ts";
import type { RequestRecord } from "./request-scope.ts";

/**
 * What is counted of a request whose response has ended; undefined: nothing, because it asked for
 * no content, or its client left before there was an answer. ERROR is every 4xx and 5xx, not found
 * included, and a body that was broken off. Errors belong to no repository: a client may ask for
 * any name, and names must not pile up in the records.
 */
export function describeAnswer(
  record: RequestRecord,
  { headersSent, statusCode }: Pick<ServerResponse, "headersSent" | "statusCode">,
): AnsweredRequest | undefined {
  const { route: kind, repositoryKey: repository, cache, error, bytes } = record;
  if (!isCounted(kind) || !headersSent) return undefined;
  const isAnswer = cache !== undefined && error === undefined && statusCode < 400;
  return isAnswer
    ? { repository, kind, outcome: cache, bytes }
    : { repository: undefined, kind, outcome: "ERROR", bytes };
}

function isCounted(route: string): route is AnsweredRequest["kind"] {
  return route === "manifest" || route === "blob" || route === "tags";
}
